"""Small tables of AdamW, learning-rate schedules, clipping, GELU and layer norm, from PyTorch in float64."""
import math

import torch
from torch.nn import functional as F
from transformers import TrainingArguments

from training import SCHEDULES

STEPS = 10


def rounded(shape, generator, scale=1.0):
    """Random values that f32 holds exactly."""
    return (torch.randn(shape, generator=generator) * scale).double()


def adamw(betas, eps, weight_decay, decay_toward, learning_rate):
    """Parameter values after each of STEPS steps; `decayToward` is 0 for AdamW, 1 for HUT's M_A and M_B."""
    g = torch.Generator().manual_seed(3)
    start = rounded(5, g)
    gradients = [rounded(5, g, 10.0 ** -(s % 4)) for s in range(STEPS)]
    p = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.AdamW([p], lr=learning_rate, betas=betas, eps=eps, weight_decay=weight_decay if decay_toward == 0 else 0.0)
    after = []
    for gradient in gradients:
        if decay_toward == 1:
            with torch.no_grad():
                p -= learning_rate * weight_decay * (p - 1)
        p.grad = gradient.clone()
        optimizer.step()
        after.append(p.tolist())
    return {"beta1": betas[0], "beta2": betas[1], "epsilon": eps, "weightDecay": weight_decay, "decayToward": decay_toward,
            "learningRate": learning_rate, "initial": start.tolist(), "gradients": [x.tolist() for x in gradients], "parameters": after}


def schedule(name, warmup, total):
    """Multipliers of the base learning rate at step 0 .. total (the last is what a step after the end would use)."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = SCHEDULES[name](optimizer, warmup, total)
    values = []
    for _ in range(total + 1):
        values.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"schedule": name, "warmupSteps": warmup, "totalSteps": total, "multipliers": values}


def clip(scale, max_norm):
    g = torch.Generator().manual_seed(5)
    parameters = [torch.nn.Parameter(torch.zeros(n, dtype=torch.double)) for n in (4, 3, 1)]
    for p in parameters:
        p.grad = rounded(p.shape, g, scale)
    before = [p.grad.tolist() for p in parameters]
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return {"maxGradNorm": max_norm, "gradients": before, "norm": norm.item(), "clipped": [p.grad.tolist() for p in parameters]}


def optim_fixtures():
    ratios = [(0.06, 20), (0.06, 300), (0.1, 7), (0.1, 10), (0.5, 3), (0.0, 20)]
    arguments = lambda ratio: TrainingArguments(warmup_steps=ratio, use_cpu=True)
    for ratio, total in ratios:
        assert arguments(ratio).get_warmup_steps(total) == math.ceil(ratio * total)
    return {
        "adamw": [adamw((0.9, 0.999), 1e-8, 0.0, 0, 0.01), adamw((0.9, 0.999), 1e-8, 0.1, 0, 0.01),
                  adamw((0.9, 0.98), 1e-6, 0.01, 0, 0.1), adamw((0.9, 0.999), 1e-8, 0.1, 1, 0.01)],
        "schedules": [schedule(name, warmup, total) for name in SCHEDULES for warmup, total in ((0, 10), (2, 20), (5, 8), (6, 6))],
        "warmup": [{"warmupRatio": r, "totalSteps": t, "warmupSteps": math.ceil(r * t)} for r, t in ratios],
        "clip": [clip(1.0, 1.0), clip(0.01, 1.0), clip(30.0, 0.5), clip(0.0, 1.0)],
    }


def ops_fixtures():
    """Inputs, outputs and gradients (under the given output gradient)."""
    g = torch.Generator().manual_seed(9)
    x = torch.tensor([-30, -6, -3, -1.5, -0.75, -1e-3, 0, 1e-3, 0.5, 1, 2, 4, 8, 30], dtype=torch.double, requires_grad=True)
    gelu = {"x": x.tolist()}
    for kind, approximate in (("erf", "none"), ("tanh", "tanh")):
        y = F.gelu(x, approximate=approximate)
        gelu[kind] = y.tolist()
        gelu[kind + "Derivative"] = torch.autograd.grad(y.sum(), x)[0].tolist()
    norms = []
    for eps in (1e-5, 1e-12):
        values = [rounded((3, 8), g, 2.0) + 5.0, rounded(8, g), rounded(8, g)]
        x, weight, bias = (v.requires_grad_() for v in values)
        y, dy = F.layer_norm(x, (8,), weight, bias, eps), rounded((3, 8), g)
        dx, dweight, dbias = torch.autograd.grad(y, (x, weight, bias), dy)
        tensors = {"x": x, "weight": weight, "bias": bias, "y": y, "dy": dy, "dx": dx, "dweight": dweight, "dbias": dbias}
        norms.append({"epsilon": eps, **{k: v.tolist() for k, v in tensors.items()}})
    return {"gelu": gelu, "layerNorm": norms}
