"""Open a LoRA folder that the engine wrote with peft, save it again with peft's own `save_pretrained`, and compare the two.

usage: python check_adapter_roundtrip.py FOLDER CHECKPOINT_DIR [OUT]

OUT (default: FOLDER with "-by-peft" behind it) is then a folder by PEFT for the engine to read. The exit status is 1 if a tensor differs in
name, shape or any bit, or a field of the config in what it says.
"""
import json
import sys
import warnings
from pathlib import Path

import torch
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from adapters import config_of, is_copy, open_adapter, open_model, tensors_of

# Where the base model lies and whether the adapter trains on; and how layers are chosen, of which the tensors' names are the result.
NOT_COMPARED = {"auto_mapping", "base_model_name_or_path", "inference_mode", "peft_version", "revision", "target_modules", "modules_to_save"}


def differences(ours, theirs):
    """One line for everything that the two folders do not have in common."""
    first, second = ({k: v for k, v in tensors_of(folder).items() if not is_copy(k)} for folder in (ours, theirs))
    lines = [f"tensor {name} is in one folder only" for name in sorted(set(first) ^ set(second))]
    lines += [f"tensor {name} differs" for name in sorted(set(first) & set(second)) if not torch.equal(first[name].float(), second[name].float())]
    wanted, found = config_of(ours), config_of(theirs)
    for key in sorted(set(wanted) - NOT_COMPARED):
        if key not in found or found[key] != wanted[key]:
            lines.append(f"config {key}: {json.dumps(wanted[key])} became {json.dumps(found.get(key))}")
    return lines


def head_size(folder):
    """`num_labels` of the head that the adapter holds; the checkpoint's own where it holds none."""
    tensors = tensors_of(folder)
    weight = tensors.get("classifier.out_proj.weight", tensors.get("classifier.weight"))
    return {} if weight is None else {"num_labels": len(weight)}


def main():
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    disable_progress_bar()
    set_verbosity_error()
    warnings.simplefilter("ignore")
    folder, checkpoint = Path(sys.argv[1]), Path(sys.argv[2])
    out = Path(sys.argv[3]) if len(sys.argv) == 4 else folder.with_name(folder.name + "-by-peft")
    if config_of(folder)["peft_type"] != "LORA":
        raise SystemExit(f"{folder}: its peft_type is {config_of(folder)['peft_type']}, which PEFT does not have")
    open_adapter(open_model(checkpoint, **head_size(folder)), folder).save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)  # an empty model card
    found = differences(folder, out)
    for line in found:
        print(f"{folder}: {line}")
    print(f"{out}: {len(tensors_of(out))} tensors by peft, {'the same' if not found else 'NOT the same'}")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
