"""Write the GPT-2 fixtures: tiny random models, and per case the loss, every gradient and the losses of 20 AdamW steps, in float64.
usage: python gpt2_fixtures.py

Attention's matrices are square and random, so a transposition shows; the second model has sizes that no binding offset is aligned to.
Trained tensors of a part of `c_attn` are named after it (`….c_attn.query.lora_A.weight`). README.md has the layout.
"""
import json
import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from make_fixtures import FIXTURES, write_case
from peft_folder_fixtures import shift, tidy
from training import Stepper, trainable

MODELS = {
    "gpt2-tiny": dict(vocab_size=211, n_positions=48, n_embd=64, n_layer=2, n_head=4, n_inner=96),
    "gpt2-odd": dict(vocab_size=61, n_positions=32, n_embd=20, n_layer=2, n_head=5, n_inner=None),
}
TRAINING = {"maxSteps": 20, "gradientAccumulation": 1, "weightDecay": 0.05, "maxGradNorm": 1.0, "learningRate": 5e-3, "warmupSteps": 4,
            "schedule": "linear"}
BATCHES = 2
PARTS = ("query", "key", "value")
ROLES = {"output": "attn.c_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"}


def write_model(name):
    config = GPT2Config(**MODELS[name], resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0, initializer_range=0.2)
    torch.manual_seed(7)
    model = GPT2LMHeadModel(config)
    g = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for parameter_name, p in model.named_parameters():
            if p.dim() == 1:
                p.copy_(torch.randn(p.shape, generator=g) * 0.2 + (1 if ".ln_" in parameter_name and parameter_name.endswith("weight") else 0))
    folder = FIXTURES / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def load(name):
    return GPT2LMHeadModel.from_pretrained(FIXTURES / "models" / name, dtype=torch.float64).eval()


def make_batches(name):
    """Right-padded rows; `starts` is the first token of each row that is predicted."""
    g = torch.Generator().manual_seed(3)
    vocabulary = MODELS[name]["vocab_size"]
    batches = []
    for lengths, starts in (([13, 9, 4], [5, 1, 3]), ([7, 11, 12], [2, 6, 11])):
        ids = torch.randint(0, vocabulary, (3, max(lengths)), generator=g)
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        place = torch.arange(max(lengths))[None]
        labels = torch.where(mask & (place >= torch.tensor(starts)[:, None]), ids, -100)
        batches.append({"ids": ids, "mask": mask.long(), "labels": labels, "lengths": torch.tensor(lengths), "starts": torch.tensor(starts)})
    return batches


class Part(nn.Module):
    """One of query, key and value of a Conv1D, adapted: `forward` takes x and the frozen part's weight [in, out] and bias."""

    def __init__(self, kind, d, k, rank, alpha):
        super().__init__()
        g = torch.Generator().manual_seed(d + k + rank)
        draw = lambda *shape: nn.Parameter(torch.randn(*shape, generator=g, dtype=torch.float64) * 0.2)
        self.kind, self.rank, self.scale = kind, rank, (alpha or 0) / rank
        if kind == "lora":
            self.lora_A, self.lora_B = nn.Module(), nn.Module()
            self.lora_A.weight, self.lora_B.weight = draw(rank, d), draw(k, rank)
        else:
            self.hut_A, self.hut_B, self.hut_gamma, self.hut_beta = draw(d, rank), draw(rank, k), draw(k), draw(k)
            with torch.no_grad():
                for p in (self.hut_A, self.hut_B, self.hut_gamma):
                    p += 1

    def forward(self, x, weight, bias):
        if self.kind == "lora":
            return x @ weight + bias + self.scale * (x @ self.lora_A.weight.T) @ self.lora_B.weight.T
        ones = torch.ones(self.rank, 1, dtype=x.dtype)
        w_new = (self.hut_A @ ones / self.rank) * weight * (ones.T @ self.hut_B / self.rank)
        return self.hut_gamma * (x @ w_new) + bias + self.hut_beta


class Adapted(nn.Module):
    """A frozen Conv1D some of whose column blocks are adapted."""

    def __init__(self, conv, parts, count):
        super().__init__()
        self.weight, self.bias, self.count = conv.weight, conv.bias, count
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        outputs = []
        for i, (weight, bias) in enumerate(zip(self.weight.chunk(self.count, 1), self.bias.chunk(self.count))):
            part = getattr(self, PARTS[i] if self.count > 1 else "own", None)
            outputs.append(part(x, weight, bias) if part else x @ weight + bias)
        return torch.cat(outputs, -1)


def by_role(model, settings):
    kind, rank, targets = settings["method"], settings["rank"], settings["targetModules"]
    model.requires_grad_(False)
    for block in model.transformer.h:
        conv = block.attn.c_attn
        d = conv.weight.shape[0]
        make = lambda c, k: Part(kind, c.weight.shape[0], k, rank, settings.get("alpha"))
        block.attn.c_attn = Adapted(conv, {r: make(conv, d) for r in PARTS if r in targets}, 3)
        for role, path in ROLES.items():
            if role in targets:
                parent, name = path.split(".")
                inner = getattr(getattr(block, parent), name)
                setattr(getattr(block, parent), name, Adapted(inner, {"own": make(inner, inner.weight.shape[1])}, 1))
    return {n.replace(".own.", "."): p for n, p in model.named_parameters() if p.requires_grad}


def with_peft(model, settings, folder):
    targets = {"qkv": "attn.c_attn", "output": "attn.c_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"}
    peft = get_peft_model(model, LoraConfig(
        task_type="CAUSAL_LM", r=settings["rank"], lora_alpha=settings["alpha"], use_rslora=settings.get("useRslora", False),
        fan_in_fan_out=True, target_modules=[targets[t] for t in settings["targetModules"]]))
    parameters = trainable(peft)
    shift(parameters)
    path = FIXTURES / "peft-folders-gpt2" / folder
    shutil.rmtree(path, ignore_errors=True)
    peft.save_pretrained(path)
    tidy(path, "gpt2-tiny", {})
    return parameters


def everything(model, chosen):
    for n, p in model.named_parameters():
        p.requires_grad_(chosen(n))
    return {n: p for n, p in model.named_parameters() if p.requires_grad}


def loss_of(model, batch, smoothing):
    logits = model(input_ids=batch["ids"], attention_mask=batch["mask"]).logits
    vocabulary = logits.shape[-1]
    return F.cross_entropy(logits[:, :-1].reshape(-1, vocabulary), batch["labels"][:, 1:].reshape(-1), ignore_index=-100, label_smoothing=smoothing)


def scores_of(model, batch):
    with torch.no_grad():
        logits = model(input_ids=batch["ids"], attention_mask=batch["mask"]).logits[:, :-1]
    labels = batch["labels"][:, 1:]
    nll = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none").sum(1)
    return torch.stack([nll, (labels != -100).sum(1)], 1)


class Loss(nn.Module):
    """What `Stepper` calls."""

    def __init__(self, model, smoothing):
        super().__init__()
        self.model, self.smoothing = model, smoothing

    def forward(self, **batch):
        return type("Output", (), {"loss": loss_of(self.model, batch, self.smoothing)})


def write(name, checkpoint, settings, parameters_of, smoothing=0.1):
    model = load(checkpoint)
    parameters = parameters_of(model)
    batches = make_batches(checkpoint)
    tensors = {}
    for i, batch in enumerate(batches):
        for key, own in (("input_ids", "ids"), ("lengths", "lengths"), ("starts", "starts")):
            tensors[f"inputs.{i}.{key}"] = batch[own].to(torch.int32)
    # A tensor of the model itself starts as the checkpoint has it.
    tensors |= {f"initial.{n}": p.detach().float().contiguous() for n, p in parameters.items() if settings["method"] in ("hut", "lora")}
    with torch.no_grad():
        for n, p in parameters.items():
            p.copy_(p.float())
    tensors["scores"] = scores_of(model, batches[0]).float()
    with torch.no_grad():
        logits = model(input_ids=batches[0]["ids"], attention_mask=batches[0]["mask"]).logits
    last = batches[0]["lengths"] - 1
    tensors["logits"] = logits[torch.arange(3), last].float().contiguous()
    stepper = Stepper(parameters, TRAINING, TRAINING["warmupSteps"], TRAINING["maxSteps"])
    module = Loss(model, smoothing)
    loss = stepper.backward(module, [batches[0]])
    # Conv1D keeps its weights as [in, out], and so do these gradients.
    tensors |= {f"gradients.{n}": p.grad.float().contiguous() for n, p in parameters.items()}
    losses, rates, norms = [], [], []
    for step in range(TRAINING["maxSteps"]):
        one, rate, norm = stepper.step(module, [batches[step % BATCHES]])
        losses.append(one), rates.append(rate), norms.append(norm)
    method = {"method": settings["method"], "settings": {k: v for k, v in settings.items() if k != "method"}}
    facts = {"checkpoint": checkpoint, **method, "labelSmoothing": smoothing, "training": TRAINING, "batches": BATCHES, "loss": loss,
             "losses": losses, "learningRates": rates, "gradNorms": norms}
    write_case(name, facts, tensors)
    print(name, round(losses[0], 4), "->", round(losses[-1], 4))


def main():
    for name in MODELS:
        write_model(name)
    every = [*PARTS, *ROLES]
    hut = {"method": "hut", "rank": 3, "targetModules": ["query", "value"]}
    lora = {"method": "lora", "rank": 4, "alpha": 8, "targetModules": ["query", "value"]}
    for checkpoint in MODELS:
        roles = lambda settings: lambda model: by_role(model, settings)
        write(f"{checkpoint}-hut", checkpoint, hut, roles(hut))
        write(f"{checkpoint}-lora", checkpoint, lora, roles(lora))
        write(f"{checkpoint}-full", checkpoint, {"method": "full"}, lambda model: everything(model, lambda n: True))
    for kind in (hut, lora):
        settings = kind | {"targetModules": every}
        write(f"gpt2-tiny-{kind['method']}-all", "gpt2-tiny", settings, lambda model: by_role(model, settings), 0.0)
    write("gpt2-tiny-bitfit", "gpt2-tiny", {"method": "bitfit"}, lambda model: everything(model, lambda n: n.endswith(".bias")))
    for folder, settings in (
        ("gpt2-tiny-peft-qkv", {"method": "lora", "rank": 4, "alpha": 8, "targetModules": ["qkv"]}),
        ("gpt2-tiny-peft-all", {"method": "lora", "rank": 2, "alpha": 3, "useRslora": True, "targetModules": ["qkv", "output", "up", "down"]}),
    ):
        write(folder, "gpt2-tiny", settings, lambda model: with_peft(model, settings, folder))


if __name__ == "__main__":
    main()
