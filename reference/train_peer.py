"""Fine-tune with PyTorch from one of our recipes: the same losses, step by step, when `shuffle` is false and dropout is 0.

usage: python train_peer.py RECIPE.json [--compare RUN_DIR] [--write-start DIR]

The recipe needs a local `checkpoint` folder and a GLUE TSV `data`; its methods are those of training.py. One JSON line is printed per step and evaluation.
--compare      then prints the largest loss difference from RUN_DIR/results.json, a run of the same recipe by the engine.
--write-start  trains nothing; writes DIR/checkpoint (with a seeded head) and, per LoRA method, DIR/lora-<index> (a PEFT folder); the
               others draw no numbers. A recipe that names them (`checkpoint`, `adapter`) starts from the same numbers here and in the engine.
"""
import argparse
import json
import math
import time
from pathlib import Path

import torch
from transformers import AutoTokenizer
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from adapters import open_adapter, open_model
from training import Stepper, adapt, trainable

# task: text columns, label column, label names in the hub's order (None: a score), metrics
ENTAILMENT = ["entailment", "not_entailment"]
BINARY = ["0", "1"]
TASKS = {
    "cola": ((3,), 1, BINARY, ["matthews"]),
    "sst2": (("sentence",), "label", BINARY, ["accuracy"]),
    "mrpc": (("#1 String", "#2 String"), "Quality", BINARY, ["accuracy", "f1"]),
    "stsb": (("sentence1", "sentence2"), "score", None, ["pearson", "spearman"]),
    "qqp": (("question1", "question2"), "is_duplicate", BINARY, ["accuracy", "f1"]),
    "mnli": (("sentence1", "sentence2"), "gold_label", ["entailment", "neutral", "contradiction"], ["accuracy"]),
    "qnli": (("question", "sentence"), "label", ENTAILMENT, ["accuracy"]),
    "rte": (("sentence1", "sentence2"), "label", ENTAILMENT, ["accuracy"]),
    "wnli": (("sentence1", "sentence2"), "label", BINARY, ["accuracy"]),
}
TRAINING = {"epochs": 3, "maxSteps": 0, "batchSize": 16, "gradientAccumulation": 1, "maxLength": 128, "learningRate": 1e-3,
            "schedule": "linear", "warmupRatio": 0.06, "weightDecay": 0.01, "maxGradNorm": 1.0, "dropout": 0, "shuffle": True, "seed": 42}
METHOD = {"rank": 8, "alpha": 16, "targetModules": ["query", "value"], "layers": 2}  # defaults; a method reads those it has
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def pearson(a, b):
    a, b = a.double() - a.double().mean(), b.double() - b.double().mean()
    return (a @ b / (a.norm() * b.norm())).item()


def ranks(a):
    """Ranks, ties averaged."""
    _, group, counts = torch.unique(a, return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2)[group]


def f1(p, y):
    hits = ((p == 1) & (y == 1)).sum()
    return (2 * hits / ((p == 1).sum() + (y == 1).sum())).item()


METRICS = {"accuracy": lambda p, y: (p == y).double().mean().item(), "f1": f1, "matthews": pearson,  # of two 0/1 columns
           "pearson": pearson, "spearman": lambda p, y: pearson(ranks(p), ranks(y))}


def read_rows(path, task):
    """[(texts, label)] of a TSV in the official GLUE layout (tabs, no quoting; CoLA has no header)."""
    texts, label, names, _ = TASKS[task]
    lines = [line.split("\t") for line in Path(path).read_text(encoding="utf-8-sig").split("\n") if line]
    header = range(4) if task == "cola" else lines.pop(0)
    column = {name: i for i, name in enumerate(header)}
    value = (lambda s: float(s)) if names is None else names.index
    return [([line[column[t]] for t in texts], value(line[column[label]].strip())) for line in lines]


def encode(rows, tokenizer, max_length):
    return [{**tokenizer(*texts, truncation="longest_first", max_length=max_length), "labels": y} for texts, y in rows]


def collate(examples, tokenizer):
    batch = tokenizer.pad(examples, return_tensors="pt")  # pads to the batch's longest row
    return {k: v.to(DEVICE) for k, v in batch.items()}


def batches_forever(examples, tokenizer, settings):
    """Groups of `gradientAccumulation` batches, epoch after epoch, in the file's order unless shuffling."""
    generator = torch.Generator().manual_seed(settings["seed"])
    size, group = settings["batchSize"], settings["gradientAccumulation"]
    while True:
        order = torch.randperm(len(examples), generator=generator).tolist() if settings["shuffle"] else range(len(examples))
        epoch = [[examples[i] for i in order[s:s + size]] for s in range(0, len(examples), size)]
        for s in range(0, len(epoch), group):
            yield [collate(batch, tokenizer) for batch in epoch[s:s + group]]


@torch.no_grad()
def evaluate(model, examples, tokenizer, settings, task):
    model.eval()
    size = settings["batchSize"]
    logits = torch.cat([model(**collate(examples[s:s + size], tokenizer)).logits.cpu() for s in range(0, len(examples), size)])
    model.train()
    predictions = logits[:, 0] if logits.shape[1] == 1 else logits.argmax(1)
    labels = torch.tensor([e["labels"] for e in examples])
    return {name: METRICS[name](predictions, labels) for name in TASKS[task][3]}


def open_base(checkpoint, task, settings):
    torch.manual_seed(settings["seed"])
    rate = settings["dropout"]
    names = TASKS[task][2]
    return open_model(checkpoint, num_labels=len(names) if names else 1, hidden_dropout_prob=rate,
                      attention_probs_dropout_prob=rate, classifier_dropout=rate)


def write_start(folder, checkpoint, recipe, settings):
    open_base(checkpoint, recipe["task"], settings).save_pretrained(folder / "checkpoint")
    for pattern in ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json"):
        for file in checkpoint.glob(pattern):
            (folder / "checkpoint" / file.name).write_bytes(file.read_bytes())
    for i, method in enumerate(recipe["methods"]):
        if method["method"] == "lora":
            adapt(open_base(folder / "checkpoint", recipe["task"], settings), {**METHOD, **method}).save_pretrained(folder / f"lora-{i}")


def train(method, model, train_rows, dev_rows, tokenizer, recipe, settings):
    """Train one method; the losses by step."""
    name, limit = method["method"], recipe.get("evaluation", {}).get("limit") or len(dev_rows)
    per_epoch = math.ceil(math.ceil(len(train_rows) / settings["batchSize"]) / settings["gradientAccumulation"])
    total = settings["maxSteps"] or settings["epochs"] * per_epoch
    warmup = settings.get("warmupSteps", math.ceil(settings["warmupRatio"] * total))
    model.to(DEVICE).train()
    stepper = Stepper(trainable(model), {**settings, "learningRate": method.get("learningRate", settings["learningRate"])}, warmup, total)
    groups, losses = batches_forever(train_rows, tokenizer, settings), []
    every = recipe.get("evaluation", {}).get("everySteps") or total
    for step in range(1, total + 1):
        started = time.perf_counter()
        loss, rate, norm = stepper.step(model, next(groups))
        losses.append(loss)
        print(json.dumps({"method": name, "step": step, "loss": loss, "learningRate": rate, "gradNorm": norm,
                          "milliseconds": (time.perf_counter() - started) * 1e3}), flush=True)
        if step % every == 0 or step == total:
            metrics = evaluate(model, dev_rows[:limit], tokenizer, settings, recipe["task"])
            print(json.dumps({"method": name, "step": step, "metrics": metrics}), flush=True)
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--write-start", type=Path)
    args = parser.parse_args()
    disable_progress_bar()
    set_verbosity_error()
    recipe, here = json.loads(args.recipe.read_text()), args.recipe.parent
    settings, task, checkpoint = {**TRAINING, **recipe.get("training", {})}, recipe["task"], here / recipe["checkpoint"]
    if args.write_start:
        return write_start(args.write_start, checkpoint, recipe, settings)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    train_rows, dev_rows = (encode(read_rows(here / recipe["data"][split], task), tokenizer, settings["maxLength"]) for split in ("train", "validation"))
    runs = json.loads((args.compare / "results.json").read_text())["methods"] if args.compare else []
    for i, method in enumerate(recipe["methods"]):
        model, method = open_base(checkpoint, task, settings), {**METHOD, **method}
        model = open_adapter(model, here / method["adapter"], is_trainable=True) if "adapter" in method else adapt(model, method)
        losses = train(method, model, train_rows, dev_rows, tokenizer, recipe, settings)
        if runs:
            difference = max(abs(a - s["loss"]) for a, s in zip(losses, runs[i]["steps"], strict=True))
            print(json.dumps({"method": method["method"], "largestLossDifference": difference}))


if __name__ == "__main__":
    main()
