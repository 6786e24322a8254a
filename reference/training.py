"""The training step both the fixtures and the peer run: AdamW, a transformers schedule, clipping, HUT's own decay."""
import torch
from peft import LoraConfig, get_peft_model
from transformers import get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from hut import PEFT_PREFIX, apply_hut, peft_targets

SCHEDULES = {
    "linear": get_linear_schedule_with_warmup,
    "constant": lambda optimizer, warmup, total: get_constant_schedule_with_warmup(optimizer, warmup),
    "cosine": get_cosine_schedule_with_warmup,
}


def adapt(model, method):
    """Wrap a sequence classifier with one entry of a recipe's `methods`."""
    if method["method"] == "hut":
        return apply_hut(model, method["targetModules"], method["rank"])
    return get_peft_model(model, LoraConfig(
        task_type="SEQ_CLS", r=method["rank"], lora_alpha=method["alpha"], lora_dropout=method.get("dropout", 0.0),
        target_modules=peft_targets(method["targetModules"])))


def trainable(model):
    """Trainable parameters by the names of PEFT's state dict, without its prefix."""
    def plain(name):
        return name.removeprefix(PEFT_PREFIX).replace(".default", "").replace(".modules_to_save", "")
    return {plain(n): p for n, p in model.named_parameters() if p.requires_grad}


def is_multiplicative(name):
    """HUT's M_A and M_B multiply the weight: their neutral value is 1, so weight decay pulls them there."""
    return name.endswith((".hut_A", ".hut_B"))


class Stepper:
    """AdamW as transformers' Trainer sets it up: no decay on biases, norms and other 1-D parameters."""

    def __init__(self, parameters, settings, warmup_steps, total_steps):
        self.parameters, self.settings = parameters, settings
        decayed = [p for n, p in parameters.items() if p.dim() > 1 and not is_multiplicative(n)]
        rest = [p for n, p in parameters.items() if p.dim() == 1 or is_multiplicative(n)]
        groups = [{"params": decayed, "weight_decay": settings["weightDecay"]}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=settings["learningRate"], betas=(0.9, 0.999), eps=1e-8)
        self.schedule = SCHEDULES[settings["schedule"]](self.optimizer, warmup_steps, total_steps)

    def step(self, model, batches):
        """One optimizer step over micro-batches. Returns loss (their mean), learning rate, gradient norm before clipping."""
        loss = self.backward(model, batches)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.settings["maxGradNorm"])
        rate = self.schedule.get_last_lr()[0]
        with torch.no_grad():
            for name, p in self.parameters.items():
                if is_multiplicative(name):
                    p -= rate * self.settings["weightDecay"] * (p - 1)
        self.optimizer.step()
        self.schedule.step()
        return loss, rate, norm.item()

    def backward(self, model, batches):
        self.optimizer.zero_grad()
        total = 0.0
        for batch in batches:
            loss = model(**batch).loss / len(batches)
            loss.backward()
            total += loss.item()
        return total
