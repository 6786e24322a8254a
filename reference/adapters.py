"""Open an adapter folder on its checkpoint, by the `peft_type` of its config.

PEFT opens its own; what PEFT does not have is opened here. Of a method that trains tensors of the base model (full, top-layers, bitfit,
head) the folder holds just these, each under `base_model.model.<name in the state dict>`. A folder whose tensors are not exactly
what the method trains ends the script: PEFT itself drops what it does not know, and an adapter read halfway gives wrong logits.
"""
import json
import re
from functools import partial
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from hut import PEFT_PREFIX, load_hut_adapter
from training import adapt, trainable


def open_model(folder, **config):
    """A float32 sequence classifier; its head is new where the folder has none, or none of the size `num_labels` asks for."""
    return AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, ignore_mismatched_sizes=True, local_files_only=True, **config)


def config_of(folder):
    return json.loads((Path(folder) / "adapter_config.json").read_text())


def tensors_of(folder):
    """By name, without PEFT's prefix."""
    return {k.removeprefix(PEFT_PREFIX): v for k, v in load_file(Path(folder) / "adapter_model.safetensors").items()}


def peft_tensors(model):
    """What PEFT would save of a model, by name without its prefix. With biases it also saves copies of the head's, which it never
    reads: these are left out."""
    held = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {k.removeprefix(PEFT_PREFIX): v for k, v in held.items() if not is_copy(k)}


def is_copy(name):
    return re.search(r"\.(original_module|modules_to_save)\.", name) is not None


def require_same(folder, found, expected):
    """End the script where two dicts of tensors, `found` in the folder, have other names or shapes."""
    if set(found) != set(expected):
        extra, missing = (sorted(a - b) for a, b in ((set(found), set(expected)), (set(expected), set(found))))
        raise SystemExit(f"{folder}: tensors that do not belong there: {extra}; tensors that lack: {missing}")
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise SystemExit(f"{folder}: {name} is {list(tensor.shape)}, in the model {list(expected[name].shape)}")


def open_with_peft(base, folder, is_trainable):
    model = PeftModel.from_pretrained(base, folder, is_trainable=is_trainable)
    require_same(folder, {k: v for k, v in tensors_of(folder).items() if not is_copy(k)}, peft_tensors(model))
    return model


def open_hut(base, folder, is_trainable):
    return load_hut_adapter(base, folder)


def open_base_tensors(method, base, folder, is_trainable):
    tensors = tensors_of(folder)
    layers = {found[1] for name in tensors if (found := re.search(r"\.encoder\.layer\.(\d+)\.", name))}
    model = adapt(base, {"method": method, "layers": len(layers)})
    parameters = trainable(model)
    require_same(folder, tensors, parameters)
    model.load_state_dict(tensors, strict=False)
    return model


OPENERS = {
    "LORA": open_with_peft,
    "IA3": open_with_peft,
    "VERA": open_with_peft,
    "HIRA": open_with_peft,
    "HUT": open_hut,
    "FULL": partial(open_base_tensors, "full"),
    "TOP_LAYERS": partial(open_base_tensors, "top-layers"),
    "BITFIT": partial(open_base_tensors, "bitfit"),
    "HEAD": partial(open_base_tensors, "head"),
}


def open_adapter(base, folder, is_trainable=False):
    """`base`, an `open_model` of the checkpoint, with the folder's adapter; `is_trainable` to go on training it."""
    kind = config_of(folder)["peft_type"]
    if kind not in OPENERS:
        raise SystemExit(f"{folder}: its peft_type is {kind}; known are {', '.join(OPENERS)}")
    return OPENERS[kind](base, folder, is_trainable)
