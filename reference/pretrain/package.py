"""Turn a training folder of train.py into a checkpoint to ship: f16 safetensors, tokenizer, config, model card.

usage: python package.py out-roberta|out-gpt2 TARGET_DIR      reads bpe.json beside the training folder
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, processors

ROBERTA_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>",
                  "unk_token": "<unk>", "mask_token": "<mask>"}
GPT2_TOKENS = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
CARD = """# {name}

A small {what} for offline demos and tests: 4 layers, width 256, 4 heads, 8,192-token byte-level BPE,
{parameters:,} parameters, f16. Pre-trained from scratch on public-domain English books of Project Gutenberg (85.7M tokens in the corpus) with
`prepare.py` and `train.py`: {steps} steps, {tokens:,} tokens seen, final training loss {loss:.2f} nats
{unit}. It knows nineteenth-century prose and little else; it is no substitute for {original}.
"""


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2))


def main():
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    roberta = "roberta" in source.name
    target.mkdir(parents=True, exist_ok=True)

    # position ids and attention masks are rebuilt on load
    weights = {k: v.to(torch.float16).contiguous() for k, v in load_file(source / "model.safetensors").items()
               if "position_ids" not in k and not k.endswith(".attn.bias")}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})

    config = json.loads((source / "config.json").read_text()) | {"dtype": "float16", "is_decoder": False}
    config.pop("transformers_version", None)
    if roberta:
        config |= {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "architectures": ["RobertaForMaskedLM"]}
    else:
        config |= {"resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1}
    write_json(target / "config.json", config)

    tokenizer = Tokenizer.from_file(str(source.parent / "bpe.json"))
    if roberta:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.save(str(target / "tokenizer.json"), pretty=False)
    write_json(target / "tokenizer_config.json", {
        "tokenizer_class": "RobertaTokenizer" if roberta else "GPT2Tokenizer", **(ROBERTA_TOKENS if roberta else GPT2_TOKENS),
        "add_prefix_space": False, "model_max_length": 256})

    words = (("tiny-roberta", "RoBERTa (masked language model)", "per masked token", "RoBERTa") if roberta else
             ("tiny-gpt2", "GPT-2 (causal language model)", "per token", "GPT-2"))
    training = json.loads((source / "training.json").read_text())
    parameters = sum(v.numel() for v in weights.values())
    card = CARD.format(**dict(zip(("name", "what", "unit", "original"), words)), parameters=parameters, **training)
    (target / "README.md").write_text(card)
    print(words[0], parameters)


if __name__ == "__main__":
    main()
