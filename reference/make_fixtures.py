"""Write every fixture under reference/fixtures that compares the engine with PyTorch. usage: python make_fixtures.py

The BERT checkpoint is stored as f32, the RoBERTa one as f16; everything is computed from the stored values in float64, so a
difference is the engine's rounding and not ours. `float32` in each case.json says how far PyTorch's own float32 run lies from
it, `float16` (BERT) how far a run whose frozen matrices are rounded to f16. README.md has the layout.
"""
import json
import shutil
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification, RobertaConfig, RobertaForSequenceClassification
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from hut import TARGETS, check_gradients, load_hut_adapter, save_hut_adapter
from optim_fixtures import optim_fixtures, ops_fixtures
from training import Stepper, adapt, trainable

FIXTURES = Path(__file__).parent / "fixtures"
MODELS = FIXTURES / "models"
ROBERTA_MODEL, BERT_MODEL, LONG_MODEL = "tiny-roberta-random", "tiny-bert-random", "tiny-roberta-long"
STEPS, WARMUP = 20, 2
QV, ALL = ["query", "value"], list(TARGETS)
LEARNING_RATES = {"hut": 0.02, "lora": 0.005, "full": 0.002, "top-layers": 0.002, "bitfit": 0.01, "head": 0.01}
VARIANTS = {  # name of the case: method and settings as a recipe has them
    "full": ("full", {}),
    "top-layers": ("top-layers", {"layers": 1}),
    "bitfit": ("bitfit", {}),
    "head": ("head", {}),
    "lora-rslora": ("lora", {"rank": 4, "alpha": 4, "targetModules": ALL, "useRslora": True, "bias": "none"}),
    "lora-bias-all": ("lora", {"rank": 4, "alpha": 8, "targetModules": QV, "useRslora": False, "bias": "all"}),
    "lora-bias-lora-only": ("lora", {"rank": 4, "alpha": 8, "targetModules": QV, "useRslora": False, "bias": "lora_only"}),
}
BATCHES = [[11, 4, 7, 9], [8, 8, 3, 5], [6, 13, 10], [2, 6, 5, 4]]  # token counts; the third batch is short, as an epoch's last
LONG_BATCHES = [[130, 65], [66]]  # of LONG_MODEL: more tokens than a workgroup has threads, and no multiple of 4
SIZES = dict(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, num_labels=2,
             hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
ROBERTA = RobertaConfig(**SIZES, max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
                        layer_norm_eps=1e-5)
LONG = RobertaConfig(**{**ROBERTA.to_dict(), "max_position_embeddings": 132})
BERT = BertConfig(**SIZES, max_position_embeddings=18, type_vocab_size=2, pad_token_id=0, layer_norm_eps=1e-12)


def write_model(name, model_class, config, dtype):
    """A random checkpoint whose weights are large enough that no gradient is trivial."""
    torch.manual_seed(7)
    model = model_class(config)
    for key, p in model.named_parameters():
        gain = "LayerNorm.weight" in key
        torch.nn.init.normal_(p, mean=1.0 if gain else 0.0, std=0.2)
    model.to(dtype).save_pretrained(MODELS / name)


def load(checkpoint, labels, dtype):
    return AutoModelForSequenceClassification.from_pretrained(
        MODELS / checkpoint, num_labels=labels, dtype=dtype, attn_implementation="eager", ignore_mismatched_sizes=True)


def make_batches(checkpoint, labels):
    """Ragged batches padded to their longest row; BERT's rows are pairs of segments."""
    g = torch.Generator().manual_seed(11)
    roberta, batches = "roberta" in checkpoint, []
    for lengths in LONG_BATCHES if checkpoint == LONG_MODEL else BATCHES:
        size, width = len(lengths), max(lengths)
        mask = (torch.arange(width)[None] < torch.tensor(lengths)[:, None]).long()
        ids = torch.randint(5, SIZES["vocab_size"], (size, width), generator=g)
        ids = torch.where(mask == 1, ids, torch.full_like(ids, 1 if roberta else 0))
        types = torch.zeros_like(ids) if roberta else ((torch.arange(width)[None] >= torch.tensor(lengths)[:, None] // 2) & (mask == 1)).long()
        y = torch.randn(size, generator=g) if labels == 1 else torch.randint(0, labels, (size,), generator=g)
        batches.append({"input_ids": ids, "attention_mask": mask, "token_type_ids": types, "labels": y})
    return batches


def input_tensors(batches):
    out = {}
    for i, batch in enumerate(batches):
        for key, value in batch.items():
            out[f"inputs.{i}.{key}"] = value if value.is_floating_point() else value.int()
        out[f"inputs.{i}.lengths"] = batch["attention_mask"].sum(1).int()
    return out


def randomise(parameters, head):
    """Informative starting values: LoRA's B is not zero, HUT's factors scatter around the identity; pre-trained ones stay."""
    g = torch.Generator().manual_seed(23)
    with torch.no_grad():
        for name, p in parameters.items():
            noise = torch.randn(p.shape, generator=g) * 0.2
            if "lora" in name or name.endswith("hut_beta") or (head and name.startswith("classifier")):
                p.copy_(noise)
            elif "hut" in name:
                p.copy_(1 + noise)


def run_case(settings, batches, dtype, half_weights=False):
    """Train `settings` for STEPS steps in `dtype`; everything returned is float64."""
    method = {"method": settings["method"], **settings.get("settings", settings)}
    model = adapt(load(settings["checkpoint"], settings["numLabels"], torch.float32), method)
    parameters = trainable(model)
    randomise(parameters, head=settings["numLabels"] == 1)
    initial = {n: p.detach().clone() for n, p in parameters.items()}
    if half_weights:
        for p in model.parameters():
            if not p.requires_grad and p.dim() > 1:
                p.copy_(p.half())
    model.to(dtype).train()
    parameters = trainable(model)
    batches = [{k: v.to(dtype) if v.is_floating_point() else v for k, v in b.items()} for b in batches]
    stepper = Stepper(parameters, settings["training"], WARMUP, STEPS)
    micro = settings["training"]["gradientAccumulation"]
    groups = [[batches[(s * micro + i) % len(batches)] for i in range(micro)] for s in range(STEPS)]
    logits = lambda: model(**batches[0]).logits.detach().double()
    result = {"logits": logits()}
    stepper.backward(model, groups[0])
    result["gradients"] = {n: p.grad.double() for n, p in parameters.items()}
    result["history"] = [stepper.step(model, group) for group in groups]
    result["final_logits"] = logits()
    return initial, result


def deviation(exact, other):
    """How far another run is from the float64 one: logits and gradients relative to the tensor's maximum, losses absolute."""
    worst = lambda a, b: ((a - b).abs().max() / a.abs().max()).item()
    norm = torch.stack([g.norm() for g in exact["gradients"].values()]).norm()
    gradients = [worst(g, other["gradients"][n]) for n, g in exact["gradients"].items() if g.abs().max() > 1e-9 * norm]
    losses = [abs(a[0] - b[0]) for a, b in zip(exact["history"], other["history"])]
    return {"logits": worst(exact["logits"], other["logits"]), "gradients": max(gradients), "losses": max(losses)}


def write_json(path, value):
    """One line per key: compact, and a change shows up in a diff."""
    path.write_text("{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}\n")


def write_case(name, facts, tensors):
    folder = FIXTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "case.json", facts)
    save_file({k: (v.float() if v.is_floating_point() else v).contiguous() for k, v in tensors.items()}, folder / "tensors.safetensors")


def training_case(name, checkpoint, method, labels=2, accumulation=1):
    training = {"maxSteps": STEPS, "gradientAccumulation": accumulation, "learningRate": LEARNING_RATES[method["method"]],
                "schedule": "linear", "warmupSteps": WARMUP, "weightDecay": 0.01, "maxGradNorm": 1.0, "dropout": 0}
    settings = {"checkpoint": checkpoint, "numLabels": labels, **method, "training": training}
    batches = make_batches(checkpoint, labels)
    initial, exact = run_case(settings, batches, torch.float64)
    noise = {"float32": deviation(exact, run_case(settings, batches, torch.float32)[1])}
    if checkpoint == BERT_MODEL and method["method"] != "full":  # which freezes nothing
        noise["float16"] = deviation(exact, run_case(settings, batches, torch.float64, half_weights=True)[1])
    losses, rates, norms = (list(column) for column in zip(*exact["history"]))
    write_case(name, {**settings, "batches": len(batches), "loss": losses[0], "losses": losses, "learningRates": rates,
                      "gradNorms": norms, **noise},
               {**input_tensors(batches),
                # the rest starts from the checkpoint's own values; the head too, unless it has another shape there
                **{f"initial.{n}": v for n, v in initial.items()
                   if "lora_" in n or "hut_" in n or (labels == 1 and n.startswith("classifier"))},
                **{f"gradients.{n}": v for n, v in exact["gradients"].items()},
                "logits": exact["logits"], "final_logits": exact["final_logits"]})
    print(f"{name:28} loss {losses[0]:.4f} -> {losses[-1]:.4f}  norms {min(norms):.2f}..{max(norms):.2f}  "
          + "  ".join(kind + "".join(f" {k} {v:.0e}" for k, v in d.items()) for kind, d in noise.items()))


def identity_case(name, checkpoint):
    """The pre-trained logits, which fresh LoRA (B = 0) and fresh HUT (the identity) both repeat."""
    batches = make_batches(checkpoint, 2)[:1]
    base = load(checkpoint, 2, torch.float64).eval()(**batches[0])
    for method in ("lora", "hut"):
        adapted = adapt(load(checkpoint, 2, torch.float64), {"method": method, "rank": 4, "alpha": 8, "targetModules": ALL}).eval()
        torch.testing.assert_close(adapted(**batches[0]).logits, base.logits, rtol=1e-12, atol=0)
    write_case(name, {"checkpoint": checkpoint, "numLabels": 2, "batches": 1, "loss": base.loss.item()},
               {**input_tensors(batches), "logits": base.logits.detach()})


def adapter_folder(name, checkpoint, method):
    """An adapter folder, by PEFT's save_pretrained (LoRA) or hut.py, and the logits of the model opened from it."""
    folder, settings = FIXTURES / name, {"method": method, "rank": 4, "alpha": 8, "targetModules": QV}
    model = adapt(load(checkpoint, 2, torch.float32), settings)
    randomise(trainable(model), head=True)
    if method == "hut":
        save_hut_adapter(model, folder, QV, settings["rank"], checkpoint)
        model = load_hut_adapter(load(checkpoint, 2, torch.float32), folder)
    else:
        model.save_pretrained(folder)
        (folder / "README.md").unlink()  # an empty model card
        config = folder / "adapter_config.json"
        # without this machine's path, and the set of modules in one order
        facts = json.loads(config.read_text()) | {"base_model_name_or_path": checkpoint, "target_modules": QV}
        config.write_text(json.dumps(facts, indent=2) + "\n")
        model = PeftModel.from_pretrained(load(checkpoint, 2, torch.float32), folder)
    batches = make_batches(checkpoint, 2)[:1]
    write_case(name, {"checkpoint": checkpoint, "numLabels": 2, "batches": 1},
               {**input_tensors(batches), "logits": model.double().eval()(**batches[0]).logits.detach()})


def main():
    torch.set_num_threads(1)
    disable_progress_bar()
    set_verbosity_error()
    check_gradients()
    for child in FIXTURES.glob("*/case.json"):
        shutil.rmtree(child.parent)
    write_model(ROBERTA_MODEL, RobertaForSequenceClassification, ROBERTA, torch.float16)
    write_model(BERT_MODEL, BertForSequenceClassification, BERT, torch.float32)
    write_model(LONG_MODEL, RobertaForSequenceClassification, LONG, torch.float16)
    for short, checkpoint in (("roberta", ROBERTA_MODEL), ("bert", BERT_MODEL)):
        training_case(f"{short}-lora-query-value", checkpoint, {"method": "lora", "rank": 4, "alpha": 8, "targetModules": QV})
        training_case(f"{short}-lora-all", checkpoint, {"method": "lora", "rank": 3, "alpha": 6, "targetModules": ALL})
        training_case(f"{short}-hut-query-value", checkpoint, {"method": "hut", "rank": 4, "targetModules": QV})
        training_case(f"{short}-hut-all", checkpoint, {"method": "hut", "rank": 2, "targetModules": ALL})
        for variant, (method, settings) in VARIANTS.items():
            training_case(f"{short}-{variant}", checkpoint, {"method": method, "settings": settings})
        identity_case(f"{short}-identity", checkpoint)
    training_case("bert-lora-regression", BERT_MODEL, {"method": "lora", "rank": 4, "alpha": 8, "targetModules": QV}, labels=1)
    training_case("roberta-hut-accumulation", ROBERTA_MODEL, {"method": "hut", "rank": 4, "targetModules": QV}, accumulation=2)
    training_case("roberta-lora-long", LONG_MODEL, {"method": "lora", "rank": 3, "alpha": 6, "targetModules": ALL})
    training_case("roberta-hut-long", LONG_MODEL, {"method": "hut", "rank": 2, "targetModules": ALL})
    adapter_folder("peft-lora-roberta", ROBERTA_MODEL, "lora")
    adapter_folder("hut-adapter-roberta", ROBERTA_MODEL, "hut")
    write_json(FIXTURES / "optim.json", optim_fixtures())
    write_json(FIXTURES / "ops.json", ops_fixtures())


if __name__ == "__main__":
    main()
