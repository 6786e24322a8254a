"""Token ids as transformers gives them, for the tokenizers the tests can reach.

Run from the project root: python reference/tokenizer_fixtures.py NAME=FOLDER ...
writes reference/fixtures/tokenizer/NAME.json, and truncation.json beside it (which needs no tokenizer); a test whose tokenizer is not part of the project skips where it is absent.
"""
import itertools
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer

TEXTS = [
    "It was the best of times, it was the worst of times.",
    "  two  spaces, a tab\tand a trailing one ",
    "don't we'll I'd it's \u2014 \u201cquoted\u201d",
    "Caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \u4f60\u597d \u043f\u0440\u0438\u0432\u0435\u0442 \U0001f600\U0001f469\u200d\U0001f52c",
    "x" * 120 + " 3.14159 1,000,000 #hash @at C++",
    "",
    "[SEP] <s> </s> <mask> a <mask>b [MASK]",
    "line one\nline two\u00a0nbsp",
]
LONG = " ".join(f"word{i} and" for i in range(40))
PAIRS = [
    ("A man is playing a flute.", "A man plays the flute outdoors, and well."),
    ("short", LONG),
    (LONG, "short"),
    (LONG, LONG + " tail"),
    (LONG + " tail", LONG),
    ("", "only the second"),
    ("only the first", ""),
]


def truncation():
    """Rows of [first, second, room, kept of first, kept of second] under longest_first."""
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    rows = []
    for first, second, room in itertools.product(range(7), range(7), range(1, 10)):
        tokenizer.enable_truncation(room, strategy="longest_first")
        ids = tokenizer.encode("a " * first, "b " * second).ids
        rows.append([first, second, room, ids.count(0), ids.count(1)])
    return rows


def main():
    out = json.dumps(truncation(), separators=(",", ":")) + "\n"
    Path("reference/fixtures/tokenizer/truncation.json").write_text(out)
    for argument in sys.argv[1:]:
        name, folder = argument.split("=")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        roberta = "roberta" in type(tokenizer).__name__.lower()
        cases = [(text, None, 32) for text in TEXTS] + [(LONG, None, 9)]
        cases += [(*pair, length) for pair in PAIRS for length in (7, 16, 17, 40, 128)]
        rows = []
        for text, pair, length in cases:
            # Lists, as run_glue.py passes them: an empty second text on its own would count as none.
            second = None if pair is None else [pair]
            out = tokenizer([text], second, truncation=True, max_length=length, return_token_type_ids=not roberta)
            row = {"text": text, "pair": pair, "maxLength": length, "inputIds": out["input_ids"][0]}
            rows.append(row | ({} if roberta else {"tokenTypeIds": out["token_type_ids"][0]}))
        data = {"tokenizer": name, "padTokenId": tokenizer.pad_token_id, "cases": rows}
        Path(f"reference/fixtures/tokenizer/{name}.json").write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")
        print(name, type(tokenizer).__name__, len(rows), "cases")


main()
