"""Write the fixtures of questions in windows: tokens, offsets and targets, and the answers picked from random scores.
usage: python squad_windows_fixtures.py NAME=TOKENIZER_FOLDER ...

Windows are the tokenizer's own truncation, stride and offsets; targets and answers are as transformers' question answering example has
them (`run_qa.py`, `utils_qa.py`). Offsets count characters as Python does. README.md has the layout.

It needs tokenizers 0.22.2 and nothing else: 0.23 loses windows of a long text (huggingface/tokenizers issue 2091), and this
transformers takes no older one.
"""
import json
import sys
from math import exp
from pathlib import Path
from random import Random

import tokenizers
from tokenizers import Tokenizer

FIXTURES = Path(__file__).parent / "fixtures"
N_BEST, LONGEST_ANSWER = 20, 30
MAX_LENGTH, DOC_STRIDE = 48, 16


def sentences(*parts):
    return " ".join(parts)


LIGHTHOUSE = sentences(
    "The lighthouse on Gull Point was finished in 1821, after four summers of work.", "Two brothers, Amos and Daniel Reed, cut its stones from",
    "the cliff below and carried them up on their backs.", "Its lamp burned whale oil until 1874; then came gas, and at last, in the wet",
    "spring of 1932, a cable from the mainland brought electric light.", "Nobody has lived there since, though a painter rents the keeper's",
    "kitchen each August, and the gulls, who never asked, keep the rest.")
CAFE = sentences(
    "Caf\u00e9 \u201cZur Br\u00fccke\u201d \u2013 na\u00efve tourists say \u201cSure Brooke\u201d \u2013 opens at 6 a.m. \U0001f600 every day but Sunday.", "Its \u00c5ngstr\u00f6m-thin pancakes",
    "cost \u20ac4.50; the sign \u4f60\u597d above the door was a gift from a guest.", "He came back in 1999 with his daughter\u00a0Mei and ordered the same again,")
QUESTIONS = [
    ("year", LIGHTHOUSE, "  When was the lighthouse finished?", "1821"),
    ("who", LIGHTHOUSE, "Who cut the stones?", "Two brothers, Amos and Daniel Reed"),
    ("cut", LIGHTHOUSE, "What happened below the cliff?", LIGHTHOUSE[150:420]),  # longer than any window
    ("last", LIGHTHOUSE, "What do the gulls keep?", "the rest."),
    ("cafe", CAFE, "What did a guest give?", "\u4f60\u597d"),
    ("smile", CAFE, "When does it open?", "6 a.m. \U0001f600"),
    ("short", "Anna has a red bicycle.", "What colour is the bicycle?", "red"),
    ("inside", LIGHTHOUSE, "What burned?", "hale oi"),  # part of a word
]


def windows_of(tokenizer, context, question, answer):
    """As prepare_train_features of run_qa.py does it."""
    encoded = tokenizer.encode(question.lstrip(), context)
    start_char = context.index(answer)
    end_char = start_char + len(answer)
    windows = []
    for window in [encoded, *encoded.overflowing]:
        ids, offsets, sequence, cls = window.ids, window.offsets, window.sequence_ids, 0
        first, last = sequence.index(1), len(ids) - 1 - sequence[::-1].index(1)
        if not (offsets[first][0] <= start_char and offsets[last][1] >= end_char):
            start = end = cls
        else:
            while first < len(offsets) and offsets[first][0] <= start_char:
                first += 1
            while offsets[last][1] >= end_char:
                last -= 1
            start, end = first - 1, last + 1
        windows.append({"inputIds": ids, "tokenTypeIds": window.type_ids, "start": start, "end": end,
                        "offsets": [list(o) if s == 1 else None for o, s in zip(offsets, sequence)]})
    return windows


def answers_of(context, windows):
    """As postprocess_qa_predictions of utils_qa.py does it, without version 2's null answers."""
    found = []
    for window in windows:
        places = window["offsets"]
        order = lambda column: sorted(range(len(places)), key=lambda i: -window["logits"][i][column])[:N_BEST]
        for start in order(0):
            for end in order(1):
                if places[start] is None or places[end] is None or end < start or end - start + 1 > LONGEST_ANSWER:
                    continue
                found.append((window["logits"][start][0] + window["logits"][end][1], context[places[start][0] : places[end][1]]))
    best = sorted(found, key=lambda pair: pair[0], reverse=True)[:N_BEST]
    total = sum(exp(score) for score, _ in best)
    return [{"text": text, "score": score, "probability": exp(score) / total} for score, text in best]


def window_cases(name, folder):
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH, stride=DOC_STRIDE, strategy="only_second")
    random = Random(31)
    cases = []
    for key, context, question, answer in QUESTIONS:
        windows = windows_of(tokenizer, context, question, answer)
        for window in windows:
            window["logits"] = [[round(2048 * random.gauss(0, 1)) / 1024 for _ in range(2)] for _ in window["inputIds"]]  # exact in float32
        cases.append({"id": key, "context": context, "question": question, "answer": answer, "answerStart": context.index(answer),
                      "windows": windows, "nBest": answers_of(context, windows)})
    out = {"maxLength": MAX_LENGTH, "docStride": DOC_STRIDE, "cases": cases}
    (FIXTURES / "squad").mkdir(exist_ok=True)
    (FIXTURES / "squad" / f"windows-{name}.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(f"{name}: {sum(len(c['windows']) for c in cases)} windows of {len(cases)} questions")


def main():
    if tokenizers.__version__.startswith("0.23."):
        raise SystemExit("tokenizers 0.23 loses windows of a long text; take 0.22.2")
    for argument in sys.argv[1:]:
        window_cases(*argument.split("="))


if __name__ == "__main__":
    main()
