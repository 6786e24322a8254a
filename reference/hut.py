"""HUT in plain PyTorch, straight from the paper (arXiv 2409.13501, Eq. 8-9), without any of the rewrites the engine uses.

    W_new = (M_A 1 / r) * W0 * (1 M_B / r)        W0 [in, out], M_A [in, r], M_B [r, out]
    h     = gamma * (x W_new) + b + beta          gamma, beta, b [out]; W0 and b stay frozen

All factors start at the identity (M_A = M_B = gamma = 1, beta = 0). Run this file to check the module's gradients against
finite differences and against the closed forms the engine uses.
"""
import json
import re
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.pytorch_utils import Conv1D

# Our target module names, and where transformers keeps them inside `<model>.encoder.layer.<i>`.
TARGETS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "up": "intermediate.dense",
    "down": "output.dense",
}
PEFT_PREFIX = "base_model.model."
PARTS = ("query", "key", "value")
FACTORS = ("hut_A", "hut_B", "hut_gamma", "hut_beta")


def module_pattern(targets):
    """Regular expression that matches the full module path of exactly these target modules."""
    return r".*\.encoder\.layer\.\d+\.(" + "|".join(re.escape(TARGETS[t]) for t in targets) + ")"


class HutLinear(nn.Module):
    """A frozen nn.Linear with HUT's four factors. torch keeps the weight as [out, in]; the paper's W0 is its transpose."""

    def __init__(self, linear, rank):
        super().__init__()
        d_out, d_in = linear.weight.shape
        like = {"dtype": linear.weight.dtype, "device": linear.weight.device}
        self.weight, self.bias, self.rank = linear.weight, linear.bias, rank
        self.hut_A = nn.Parameter(torch.ones(d_in, rank, **like))
        self.hut_B = nn.Parameter(torch.ones(rank, d_out, **like))
        self.hut_gamma = nn.Parameter(torch.ones(d_out, **like))
        self.hut_beta = nn.Parameter(torch.zeros(d_out, **like))

    def forward(self, x):
        ones = torch.ones(self.rank, 1, dtype=x.dtype, device=x.device)
        w_new = (self.hut_A @ ones / self.rank) * self.weight.T * (ones.T @ self.hut_B / self.rank)
        return self.hut_gamma * (x @ w_new) + self.bias + self.hut_beta


class Frozen(NamedTuple):
    """A layer, or a part of one, as `HutLinear` takes it."""

    weight: torch.Tensor
    bias: torch.Tensor


class HutParts(nn.Module):
    """GPT-2's c_attn, a Conv1D [in, 3 · out] with query, key and value side by side, some of which are adapted."""

    def __init__(self, conv):
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias

    def part(self, name):
        place = PARTS.index(name)
        return Frozen(self.weight.chunk(3, 1)[place].T, self.bias.chunk(3)[place])

    def forward(self, x):
        parts = [(getattr(self, name, None), self.part(name)) for name in PARTS]
        return torch.cat([adapted(x) if adapted else x @ part.weight.T + part.bias for adapted, part in parts], -1)


def apply_hut(model, target_modules, rank):
    """Freeze the model, give the target modules HUT's factors, leave the classification head trainable (as PEFT's SEQ_CLS)."""
    return wrap(model, [n for n, _ in model.named_modules() if re.fullmatch(module_pattern(target_modules), n)], rank)


def wrap(model, paths, rank):
    model.requires_grad_(False)
    for path in paths:
        parent, name = path.rsplit(".", 1)
        layer = model.get_submodule(parent)
        if isinstance(layer, Conv1D):
            above, whole = parent.rsplit(".", 1)
            setattr(model.get_submodule(above), whole, layer := HutParts(layer))
        inner = layer.part(name) if isinstance(layer, HutParts) else layer.get_submodule(name)
        if isinstance(inner, Conv1D):
            inner = Frozen(inner.weight.T, inner.bias)
        layer.add_module(name, HutLinear(inner, rank))
    if hasattr(model, "classifier"):
        model.classifier.requires_grad_(True)
    return model


def save_hut_adapter(model, folder, target_modules, rank, base):
    """Write the same shape of folder as PEFT does, with `peft_type: "HUT"`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "HUT", "task_type": "SEQ_CLS", "base_model_name_or_path": str(base), "r": rank,
              "target_modules": peft_targets(target_modules), "modules_to_save": ["classifier"]}
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = {PEFT_PREFIX + n: p.detach().float().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def load_hut_adapter(model, folder):
    """Wrap the modules that adapter_model.safetensors names and load their factors and the head."""
    tensors = {k.removeprefix(PEFT_PREFIX): v for k, v in load_file(Path(folder) / "adapter_model.safetensors").items()}
    paths = [k.removesuffix(".hut_A") for k in tensors if k.endswith(".hut_A")]
    wrap(model, paths, tensors[paths[0] + ".hut_A"].shape[1])
    expected = {n for n, p in model.named_parameters() if p.requires_grad}
    if set(tensors) != expected:
        raise SystemExit(f"{folder}: tensors differ from the model's: {sorted(set(tensors) ^ expected)}")
    model.load_state_dict(tensors, strict=False)
    return model


def peft_targets(targets):
    """The same modules as PEFT's `target_modules`: name endings, or a pattern where an ending would match too much."""
    if "down" in targets and "output" not in targets:
        return module_pattern(targets)
    return [TARGETS[t].removeprefix("attention.self.") for t in targets]


def check_gradients():
    torch.manual_seed(0)
    n, d, k, r = 5, 6, 4, 3
    layer = HutLinear(nn.Linear(d, k).double().requires_grad_(False), r)
    for name in FACTORS:
        nn.init.normal_(getattr(layer, name), mean=0.5)
    x = torch.randn(n, d, dtype=torch.double, requires_grad=True)
    factors = [getattr(layer, name) for name in FACTORS]
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), [x, *factors])
    # The engine's fused form: no weight is materialised and no x^T dh matmul is run.
    dh = torch.randn(n, k, dtype=torch.double)
    layer(x).backward(dh)
    m_a, m_b, gamma = layer.hut_A.mean(1), layer.hut_B.mean(0), layer.hut_gamma
    u = (x * m_a) @ layer.weight.T
    dx_scaled = (dh * gamma * m_b) @ layer.weight
    scale = (dh * u).sum(0)  # the gradient of gamma * m_b
    torch.testing.assert_close(x.grad, dx_scaled * m_a)
    torch.testing.assert_close(layer.hut_A.grad, ((dx_scaled * x).sum(0) / r)[:, None].expand(d, r))
    torch.testing.assert_close(layer.hut_B.grad, (scale * gamma / r)[None, :].expand(r, k))
    torch.testing.assert_close(layer.hut_gamma.grad, scale * m_b)
    torch.testing.assert_close(layer.hut_beta.grad, dh.sum(0))


if __name__ == "__main__":
    check_gradients()
    print("HUT gradients: finite differences, autograd and closed forms agree")
