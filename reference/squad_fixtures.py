"""Write the fixtures of span heads as transformers trains them, and of answers as SQuAD's official script scores them.
usage: python squad_fixtures.py EVALUATE

EVALUATE is SQuAD v1.1's evaluate-v1.1.py, which is run and not copied. squad_windows_fixtures.py writes the windows. README.md has the
layout.
"""
import importlib.util
import json
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForQuestionAnswering

from hut import apply_hut, peft_targets
from make_fixtures import BERT_MODEL, FIXTURES, LONG_MODEL, MODELS, QV, ROBERTA_MODEL, STEPS, WARMUP, input_tensors, make_batches, randomise, write_case
from training import Stepper, trainable

HEAD = "qa_outputs"
METHODS = {
    "hut": {"method": "hut", "rank": 4, "targetModules": QV},
    "lora": {"method": "lora", "rank": 4, "alpha": 8, "targetModules": QV},
    "full": {"method": "full", "settings": {}},
}
RATES = {"hut": 0.02, "lora": 0.005, "full": 0.002}


def adapt(model, settings):
    """The model to train, and its parameters. PEFT's own model for question answering loses token types (0.21): its base model is called."""
    if settings["method"] == "full":
        return model, trainable(model)
    if settings["method"] == "hut":
        apply_hut(model, settings["targetModules"], settings["rank"])
        model.get_submodule(HEAD).requires_grad_(True)
        return model, trainable(model)
    adapted = get_peft_model(model, LoraConfig(task_type="QUESTION_ANS", r=settings["rank"], lora_alpha=settings["alpha"], lora_dropout=0.0,
                                            target_modules=peft_targets(settings["targetModules"])))
    return adapted.base_model, trainable(adapted)


def span_case(name, checkpoint, settings):
    training = {"maxSteps": STEPS, "gradientAccumulation": 1, "learningRate": RATES[settings["method"]], "schedule": "linear",
                "warmupSteps": WARMUP, "weightDecay": 0.01, "maxGradNorm": 1.0, "dropout": 0}
    torch.manual_seed(5)
    base = AutoModelForQuestionAnswering.from_pretrained(MODELS / checkpoint, dtype=torch.float32, attn_implementation="eager")
    model, parameters = adapt(base, settings)
    randomise(parameters, head=False)
    g = torch.Generator().manual_seed(29)
    with torch.no_grad():
        for key, p in parameters.items():
            if key.startswith(HEAD):
                p.copy_(torch.randn(p.shape, generator=g) * 0.2)
    initial = {key: p.detach().clone() for key, p in parameters.items()}
    model.double().train()
    batches, inputs = [], {}
    for i, batch in enumerate(make_batches(checkpoint, 2)):
        batch.pop("labels")
        lengths = batch["attention_mask"].sum(1)
        starts = (torch.rand(len(lengths), generator=g) * lengths).long()
        ends = torch.minimum(starts + 2, lengths - 1)
        if i == 1:
            starts[-1] = ends[-1] = 0  # an answer outside of the window
        if len(set(lengths.tolist())) > 1:
            ends[lengths.argmin()] = lengths.max()  # beyond the row: transformers clamps it and counts nothing
        inputs |= {f"inputs.{i}.starts": starts.float(), f"inputs.{i}.ends": ends.float()}
        batches.append(batch | {"start_positions": starts, "end_positions": ends})
    stepper = Stepper(parameters, training, WARMUP, STEPS)
    outputs = model(**batches[0])
    logits = torch.stack([outputs.start_logits, outputs.end_logits], -1).detach()
    stepper.backward(model, batches[:1])
    gradients = {key: p.grad.clone() for key, p in parameters.items()}
    history = [stepper.step(model, [batches[step % len(batches)]]) for step in range(STEPS)]
    losses, rates, norms = (list(column) for column in zip(*history))
    plain = [{k: v for k, v in b.items() if not k.endswith("_positions")} for b in batches]
    write_case(name, {"checkpoint": checkpoint, "numLabels": 2, "task": "squad", **settings, "training": training, "batches": len(batches),
                      "loss": losses[0], "losses": losses, "learningRates": rates, "gradNorms": norms},
               {**input_tensors(plain), **inputs,
                **{f"initial.{k}": v for k, v in initial.items() if settings["method"] != "full" or k.startswith(HEAD)},
                **{f"gradients.{k}": v for k, v in gradients.items()}, "logits": logits})
    print(f"{name:24} loss {losses[0]:.4f} -> {losses[-1]:.4f}")


PAIRS = [  # a prediction, and the references
    ("The Eiffel Tower", ["Eiffel tower", "the tower"]), ("an apple a day", ["apple day"]), ("theatre", ["the atre", "theatre"]), ("", ["x"]),
    ("", [""]), ("the", ["a"]), ("...", ["!"]), ("U.S.", ["US", "U S"]), ("rock-n-roll", ["rock n roll"]), ("it's", ["its"]),
    ("\u201cquoted\u201d", ["quoted"]), ("caf\u00e9", ["cafe", "CAF\u00c9"]), ("cafe\u0301", ["caf\u00e9"]), ("\u0130stanbul", ["istanbul"]),
    ("Stra\u00dfe", ["STRASSE", "stra\u00dfe"]), ("\uff11\uff12", ["12"]), ("10\u00a0km", ["10 km"]), ("a\u200bb", ["ab", "a b"]),
    ("an\u2013the", ["\u2013"]), ("a_b", ["ab"]), ("_the_", ["the"]), ("\u03a3\u0391\u03a3", ["\u03c3\u03b1\u03c2"]), ("the\u0301", ["\u0301"]),
    ("one two two", ["two two three"]), ("two two two", ["two"]), ("a\x1cthe\x85b", ["b"]), ("\ufeffthe end", ["end"]), ("\U0001f600 yes", ["yes"]),
    ("an 8", ["8"]), ("A\u3000B", ["a b", "b"]), ("the.end", ["end", "theend"]), ("a\u00b2", ["\u00b2"]), ("\u00e0 the \u00e0", ["\u00e0 \u00e0"]),
    ("in the\tyear\n1999", ["1999", "year 1999"]), ("don't a", ["dont"]), ("$5.00", ["500", "5 00"]), ("1,000", ["1000"]),
]


def metric_cases(script):
    spec = importlib.util.spec_from_file_location("evaluate", script)
    official = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(official)
    best = lambda metric, prediction, references: float(official.metric_max_over_ground_truths(metric, prediction, references))
    rows = [{"prediction": p, "references": r, "normalized": official.normalize_answer(p),
             "exactMatch": best(official.exact_match_score, p, r), "f1": best(official.f1_score, p, r)} for p, r in PAIRS]
    (FIXTURES / "squad").mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    (FIXTURES / "squad" / "scores.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(rows)} pairs scored")


def main():
    torch.set_num_threads(1)
    for short, checkpoint in (("roberta", ROBERTA_MODEL), ("bert", BERT_MODEL)):
        for method, settings in METHODS.items():
            span_case(f"{short}-span-{method}", checkpoint, settings)
    span_case("roberta-span-long", LONG_MODEL, METHODS["lora"])
    metric_cases(sys.argv[1])


if __name__ == "__main__":
    main()
