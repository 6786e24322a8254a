"""What trains in each method, and the training step both the fixtures and the peer run: AdamW, a transformers schedule, clipping, HUT's own decay."""
import re

import torch
from peft import HiraConfig, IA3Config, LoraConfig, VeraConfig, get_peft_model
from transformers import get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from hut import PEFT_PREFIX, apply_hut, peft_targets

SCHEDULES = {
    "linear": get_linear_schedule_with_warmup,
    "constant": lambda optimizer, warmup, total: get_constant_schedule_with_warmup(optimizer, warmup),
    "cosine": get_cosine_schedule_with_warmup,
}


def lora(model, settings, **variant):
    """PEFT's LoRA. With `bias` "all" every bias of the pre-trained model trains along, those of its LayerNorms and BERT's pooler
    included; with "lora_only" those of the adapted layers."""
    return get_peft_model(model, LoraConfig(
        task_type="SEQ_CLS", r=settings["rank"], lora_alpha=settings["alpha"], lora_dropout=settings.get("dropout", 0.0),
        use_rslora=settings.get("useRslora", False), bias=settings.get("bias", "none"),
        target_modules=peft_targets(settings["targetModules"]), **variant))


def dora(model, settings):
    """PEFT's DoRA: LoRA with a trained length of every row of the weight."""
    return lora(model, settings, use_dora=True)


def ia3(model, settings):
    """PEFT's (IA)³; of targets in `feedforwardModules` the input is scaled, by whole names as PEFT would also match ends of others."""
    targets, inputs = (list_of(model, peft_targets(settings[key])) for key in ("targetModules", "feedforwardModules"))
    return get_peft_model(model, IA3Config(task_type="SEQ_CLS", target_modules=targets, feedforward_modules=[n for n in inputs if n in targets]))


def vera(model, settings):
    """PEFT's VeRA: frozen projections that all layers share, drawn from a key, and two trained vectors a layer."""
    return get_peft_model(model, VeraConfig(
        task_type="SEQ_CLS", r=settings["rank"], vera_dropout=settings.get("dropout", 0.0), d_initial=settings.get("dInitial", 0.1),
        projection_prng_key=settings.get("projectionPrngKey", 0), target_modules=peft_targets(settings["targetModules"])))


def hira(model, settings):
    """PEFT's HiRA: the weight times one plus a product of rank r, cell by cell."""
    return get_peft_model(model, HiraConfig(
        task_type="SEQ_CLS", r=settings["rank"], hira_dropout=settings.get("dropout", 0.0), target_modules=peft_targets(settings["targetModules"])))


def list_of(model, targets):
    """Whole names of the modules that PEFT's `target_modules` name."""
    from peft.tuners.tuners_utils import check_target_module_exists
    config = LoraConfig(target_modules=targets)
    return [name for name, _ in model.named_modules() if check_target_module_exists(config, name)]


def hut(model, settings):
    return apply_hut(model, settings["targetModules"], settings["rank"])


def train_only(model, chosen):
    """Train the parameters whose names `chosen` accepts, and the head."""
    for name, p in model.named_parameters():
        p.requires_grad_(name.startswith("classifier.") or chosen(name))
    return model


def full(model, settings):
    """Plain fine-tuning: every parameter, embeddings and LayerNorms included."""
    return train_only(model, lambda name: True)


def top_layers(model, settings):
    """The last `layers` blocks of the encoder and everything above them: BERT's pooler and the head. FT-Top2 has two layers."""
    lowest = model.config.num_hidden_layers - settings["layers"]
    layer_of = lambda name: re.search(r"\.encoder\.layer\.(\d+)\.", name)
    return train_only(model, lambda name: ".pooler." in name or bool(layer_of(name)) and int(layer_of(name)[1]) >= lowest)


def bitfit(model, settings):
    """Every bias of the pre-trained model, LayerNorms' and BERT's pooler's included, and the head (Ben Zaken et al. 2022)."""
    return train_only(model, lambda name: name.endswith(".bias"))


def head(model, settings):
    """The head alone, on the features of the frozen model; BERT's pooler is part of that model."""
    return train_only(model, lambda name: False)


# By the ids that recipes give them. Each takes a sequence classifier and the method's settings, and returns the model to train.
METHODS = {"hut": hut, "lora": lora, "dora": dora, "ia3": ia3, "vera": vera, "hira": hira, "full": full, "top-layers": top_layers, "bitfit": bitfit, "head": head}


def adapt(model, method):
    """Make one entry of a recipe's `methods` of a sequence classifier."""
    return METHODS[method["method"]](model, method)


def trainable(model):
    """Trainable parameters by the names of the model's state dict; what PEFT adds is named as in its folders, without its prefix."""
    def plain(name):
        name = name.removeprefix(PEFT_PREFIX).replace(".base_layer.", ".")
        name = name.replace(".default", "").replace(".modules_to_save", "")
        return name.replace("lora_magnitude_vector.weight", "lora_magnitude_vector")
    return {plain(n): p for n, p in model.named_parameters() if p.requires_grad}


def is_multiplicative(name):
    """HUT's M_A and M_B and (IA)³'s vectors multiply: their neutral value is 1, so weight decay pulls them there."""
    return name.endswith((".hut_A", ".hut_B", ".ia3_l"))


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
