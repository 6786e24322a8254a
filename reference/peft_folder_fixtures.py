"""Write fixtures/peft-folders: adapter folders as peft's own `save_pretrained` writes them, each with a batch and the logits of the model
that peft opens from it. usage: python peft_folder_fixtures.py

Every trained tensor is away from its first value, so a folder read halfway gives other logits: B is not zero, trained biases and
modules are shifted. The configs differ in how they choose layers and in what they train along. README.md has the layout.
"""
import json
import shutil
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from make_fixtures import BERT_MODEL, FIXTURES, ROBERTA_MODEL, input_tensors, load, make_batches, write_case
from training import trainable

FOLDERS = {
    "target-names-bert": (BERT_MODEL, {"target_modules": ["bert.encoder.layer.1.intermediate.dense", "attention.output.dense", "self.key"]}),
    "target-pattern-roberta": (ROBERTA_MODEL, {"target_modules": r".*\.layer\.[01]\.attention\.self\.(query|key)"}),
    "target-pattern-bert": (BERT_MODEL, {"target_modules": r"bert\.encoder\.layer\.1\.(?:attention\.)?output\.dense|.*pooler\.dense"}),
    "all-linear-bert": (BERT_MODEL, {"target_modules": "all-linear"}),
    "all-linear-word-bert": (BERT_MODEL, {"target_modules": "all-linear"}),
    "all-linear-roberta": (ROBERTA_MODEL, {"target_modules": "all-linear"}),
    "rank-alpha-pattern-roberta": (ROBERTA_MODEL, {
        "target_modules": ["query", "value", "output.dense"], "rank_pattern": {"layer.0.attention.self.query": 3, "value": 1},
        "alpha_pattern": {r"^roberta\.encoder\.layer\.1\..*": 9, "attention.output.dense": 2}}),
    "rslora-bert": (BERT_MODEL, {"target_modules": ["query", "value"], "r": 4, "use_rslora": True}),
    "rslora-rank-pattern-roberta": (ROBERTA_MODEL, {"target_modules": ["query", "value"], "rank_pattern": {r"layer\.1\..*": 5}, "use_rslora": True}),
    "bias-all-bert": (BERT_MODEL, {"target_modules": ["query"], "bias": "all"}),
    "bias-all-roberta": (ROBERTA_MODEL, {"target_modules": ["query"], "bias": "all"}),
    "bias-lora-only-roberta": (ROBERTA_MODEL, {"target_modules": ["query", "intermediate.dense"], "bias": "lora_only"}),
    "modules-to-save-bert": (BERT_MODEL, {"target_modules": ["query", "dense"], "modules_to_save": ["pooler"]}),
    "layers-to-transform-roberta": (ROBERTA_MODEL, {"target_modules": ["query", "value"], "layers_to_transform": [1]}),
    "layers-pattern-bert": (BERT_MODEL, {"target_modules": ["key", "value"], "layers_to_transform": 0, "layers_pattern": "layer"}),
    "exclude-names-roberta": (ROBERTA_MODEL, {"target_modules": ["query", "dense"], "exclude_modules": ["layer.0.attention.self.query", "intermediate.dense"]}),
    "exclude-pattern-bert": (BERT_MODEL, {"target_modules": "all-linear", "exclude_modules": r".*(pooler|output)\.dense"}),
}
KEEPS_ALL_LINEAR = "all-linear-word-bert"  # peft reads the word in a config, but writes the layers it found


def shift(parameters):
    """Move every trained parameter off its first value."""
    g = torch.Generator().manual_seed(31)
    with torch.no_grad():
        for p in parameters.values():
            p += torch.randn(p.shape, generator=g) * 0.2


def tidy(folder, checkpoint, changes):
    """Take out the empty model card and this machine's path, and write sets of names in one order."""
    (folder / "README.md").unlink()
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text()) | {"base_model_name_or_path": checkpoint, **changes}
    for key in ("target_modules", "exclude_modules", "feedforward_modules"):
        if isinstance(config.get(key), list):
            config[key].sort()
    path.write_text(json.dumps(config, indent=2) + "\n")


def logits_of(model, batch):
    return model.double().eval()(**batch).logits.detach()


def write_folder(name, checkpoint, config):
    folder = FIXTURES / "peft-folders" / name
    batches = make_batches(checkpoint, 2)[:1]
    torch.manual_seed(29)
    model = get_peft_model(load(checkpoint, 2, torch.float32), LoraConfig(**{"task_type": "SEQ_CLS", "r": 2, "lora_alpha": 4, **config}))
    shift(trainable(model))
    model.save_pretrained(folder)
    tidy(folder, checkpoint, {"target_modules": "all-linear"} if name == KEEPS_ALL_LINEAR else {})
    opened = logits_of(PeftModel.from_pretrained(load(checkpoint, 2, torch.float32), folder), batches[0])
    torch.testing.assert_close(opened, logits_of(model, batches[0]), rtol=0, atol=0)
    moved = (opened - logits_of(load(checkpoint, 2, torch.float32), batches[0])).abs().max()
    write_case(f"peft-folders/{name}", {"checkpoint": checkpoint, "numLabels": 2, "batches": 1}, {**input_tensors(batches), "logits": opened})
    print(f"{name:28} {len(model.targeted_module_names):2} layers, logits {moved:.2f} from the base model's")


def main():
    torch.set_num_threads(1)
    disable_progress_bar()
    set_verbosity_error()
    warnings.simplefilter("ignore")
    shutil.rmtree(FIXTURES / "peft-folders", ignore_errors=True)
    for name, (checkpoint, config) in FOLDERS.items():
        write_folder(name, checkpoint, config)


if __name__ == "__main__":
    main()
