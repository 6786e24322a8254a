"""Open what a run wrote with transformers and peft, and compare their float32 logits with the run's own predictions.

usage: python check_export.py RUN_DIR CHECKPOINT_DIR

RUN_DIR is the --out folder of `npm run recipe`; CHECKPOINT_DIR the folder the run started from. Every <method>/ with a
predictions.jsonl is checked: merged/ with AutoModelForSequenceClassification, adapter/ on the checkpoint with peft or, where PEFT lacks
the method, as adapters.py opens it, and, where the predictions carry `text`, the token ids with merged/'s tokenizer. The error is
the largest difference over the largest |logit|; above 1e-5, or with nothing to check, the exit status is 1.

A run that writes text (predictions with `tokenIds`) is checked by what `generate` writes, token for token.
"""
import json
import re
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from adapters import open_adapter, open_model

TOLERANCE = 1e-5
BATCH = 32


@torch.no_grad()
def logits_of(model, rows):
    """[rows, labels], in batches of similar length padded to their longest row."""
    model.eval()
    out = torch.empty(len(rows), len(rows[0]["logits"]))
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]["inputIds"]))
    for start in range(0, len(order), BATCH):
        chosen = order[start:start + BATCH]
        width = len(rows[chosen[-1]]["inputIds"])
        ids = torch.full((len(chosen), width), model.config.pad_token_id)
        types, mask = torch.zeros_like(ids), torch.zeros_like(ids)
        for r, i in enumerate(chosen):
            n = len(rows[i]["inputIds"])
            ids[r, :n] = torch.tensor(rows[i]["inputIds"])
            types[r, :n] = torch.tensor(rows[i].get("tokenTypeIds") or [0] * n)
            mask[r, :n] = 1
        out[chosen] = model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits
    return out


def check_tokens(folder, rows):
    """Number of rows whose text gives other token ids. A truncated row is as long as the longest, so that length is the limit."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    limit = max(len(row["inputIds"]) for row in rows)
    encode = lambda row: tokenizer(row["text"], row.get("pair"), truncation="longest_first", max_length=limit)["input_ids"]
    return sum(encode(row) != row["inputIds"] for row in rows)


def check_predictions(rows):
    """Number of rows whose `prediction` is not what the logits say."""
    said = lambda row: row["logits"][0] if len(row["logits"]) == 1 else row["logits"].index(max(row["logits"]))
    return sum(abs(said(row) - row["prediction"]) > 1e-6 for row in rows)


def context(row):
    """A meaning representation as the model reads it: name[Blue Spice], eatType[pub] -> name : Blue Spice | eatType : pub."""
    if "prompt" in row:
        return row["prompt"]
    slots = re.findall(r"\s*([^\[\],]+)\[([^\[\]]*)\]", row["meaningRepresentation"])
    return " | ".join(f"{slot.strip()} : {value.strip()}" for slot, value in slots) or row["meaningRepresentation"].strip()


@torch.no_grad()
def other_texts(model, tokenizer, rows, settings):
    """Number of rows for which `generate` writes other tokens."""
    model.eval()
    names = {"maxNewTokens": "max_new_tokens", "numBeams": "num_beams", "lengthPenalty": "length_penalty",
             "noRepeatNgramSize": "no_repeat_ngram_size", "earlyStopping": "early_stopping"}
    options = {theirs: settings[ours] for ours, theirs in names.items()}
    end, count = tokenizer.eos_token_id, 0
    for row in rows:
        prompt = tokenizer(context(row))["input_ids"] + ([] if "prompt" in row else [end])
        ids = torch.tensor([prompt])
        written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), pad_token_id=end, do_sample=False, **options)
        written = written[0, len(prompt):].tolist()
        written = written[: written.index(end) + 1] if end in written else written
        count += written != row["tokenIds"]
    return count


def check_texts(folder, checkpoint, rows):
    settings = json.loads((folder.parent / "results.json").read_text())["recipe"]["generation"]
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    opened = {"merged": lambda path: AutoModelForCausalLM.from_pretrained(path).float(),
              "adapter": lambda path: open_adapter(AutoModelForCausalLM.from_pretrained(checkpoint).float(), path)}
    asked = [row for row in rows if row.get("tokenIds")]
    findings = []
    for kind, model in opened.items():
        if (folder / kind).is_dir():
            findings.append((f"{kind} writes other tokens", other_texts(model(folder / kind), tokenizer, asked, settings)))
    for what, value in findings:
        print(f"{folder.name}: {what}: {value} of {len(asked)} rows {'ok' if value == 0 else 'FAILED'}")
    return bool(findings and asked) and all(value == 0 for _, value in findings)


def check_method(folder, checkpoint):
    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    if "logits" not in rows[0]:
        return check_texts(folder, checkpoint, rows)
    ours = torch.tensor([row["logits"] for row in rows])
    findings = [("predictions differ from logits", check_predictions(rows), 0)]
    models = {
        "merged": lambda path: open_model(path, num_labels=ours.shape[1]),
        "adapter": lambda path: open_adapter(open_model(checkpoint, num_labels=ours.shape[1]), path),
    }
    for kind, opened in models.items():
        if (folder / kind).is_dir():
            theirs = logits_of(opened(folder / kind), rows)
            findings.append((f"{kind} logits, relative error", ((theirs - ours).abs().max() / theirs.abs().max()).item(), TOLERANCE))
        else:
            print(f"{folder.name}: no {kind}/ folder, not checked")
    if (folder / "merged").is_dir() and "text" in rows[0]:
        findings.append(("token ids differ", check_tokens(folder / "merged", rows), 0))
    for what, value, limit in findings:
        print(f"{folder.name}: {what}: {value:.3g} over {len(rows)} rows {'ok' if value <= limit else f'FAILED (limit {limit})'}")
    return all(value <= limit for _, value, limit in findings) and len(findings) > 1


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    disable_progress_bar()
    set_verbosity_error()
    run, checkpoint = Path(sys.argv[1]), Path(sys.argv[2])
    methods = sorted(path.parent for path in run.glob("*/predictions.jsonl"))
    if not methods:
        raise SystemExit(f"{run}: no <method>/predictions.jsonl in it; run the recipe with output.predictions true")
    results = [check_method(folder, checkpoint) for folder in methods]
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
