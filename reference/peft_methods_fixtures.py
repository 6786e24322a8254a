"""Write fixtures/peft-methods: what peft makes of RoBERTa and GPT-2 by methods other than LoRA, in float64. usage: python peft_methods_fixtures.py

A folder is peft's own `save_pretrained` before training, every trained tensor away from its first value, and beside it a training case:
`case.json` and `tensors.safetensors` as README.md has them, without `initial.*`, which is what the folder holds. `first` in case.json says
what peft's first values of some tensors are, before they are moved.
"""
import shutil
import warnings

import torch
from peft import HiraConfig, IA3Config, LoraConfig, PeftModel, VeraConfig, get_peft_model
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

import gpt2_fixtures as gpt2
from make_fixtures import FIXTURES, ROBERTA_MODEL, STEPS, WARMUP, input_tensors, load, make_batches, write_case
from peft_folder_fixtures import shift, tidy
from training import Stepper, trainable

QV, ALL = ["query", "value"], ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
CONV = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
# Name of the folder: method, learning rate, config of RoBERTa or GPT-2.
CASES = {
    "dora-roberta": ("dora", 0.005, LoraConfig(r=3, lora_alpha=6, use_dora=True, target_modules=ALL)),
    "dora-rslora-roberta": ("dora", 0.005, LoraConfig(r=4, lora_alpha=4, use_dora=True, use_rslora=True, bias="lora_only", target_modules=QV)),
    "dora-gpt2": ("dora", 0.005, LoraConfig(r=3, lora_alpha=6, use_dora=True, fan_in_fan_out=True, target_modules=CONV)),
    "ia3-roberta": ("ia3", 0.02, IA3Config(target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"])),
    "ia3-output-roberta": ("ia3", 0.02, IA3Config(target_modules=["query", "intermediate.dense"], feedforward_modules=[])),
    "ia3-gpt2": ("ia3", 0.02, IA3Config(fan_in_fan_out=True, target_modules=["c_attn", "mlp.c_proj"], feedforward_modules=["mlp.c_proj"])),
    "vera-roberta": ("vera", 0.02, VeraConfig(r=8, target_modules=ALL)),
    "vera-key-roberta": ("vera", 0.02, VeraConfig(r=6, projection_prng_key=7, save_projection=False, target_modules=QV)),
    "vera-gpt2": ("vera", 0.02, VeraConfig(r=8, fan_in_fan_out=True, target_modules=CONV)),
    "hira-roberta": ("hira", 0.01, HiraConfig(r=3, target_modules=ALL)),
    # peft 0.21 does not heed HiRA's rank_pattern: all layers have rank r.
    "hira-rank-pattern-roberta": ("hira", 0.01, HiraConfig(r=4, target_modules=QV, rank_pattern={"value": 2})),
    "hira-gpt2": ("hira", 0.01, HiraConfig(r=3, fan_in_fan_out=True, target_modules=CONV)),
}


def roberta(config):
    config.task_type = "SEQ_CLS"
    batches = make_batches(ROBERTA_MODEL, 2)
    logits = lambda model: {"logits": model(**batches[0]).logits.detach()}
    return ROBERTA_MODEL, {"numLabels": 2}, lambda: load(ROBERTA_MODEL, 2, torch.float32), batches, input_tensors(batches), lambda model: model, logits


def language_model(config):
    config.task_type = "CAUSAL_LM"
    batches = gpt2.make_batches("gpt2-tiny")
    inputs = {f"inputs.{i}.{key}": b[own].int() for i, b in enumerate(batches) for key, own in
              (("input_ids", "ids"), ("lengths", "lengths"), ("starts", "starts"))}
    scores = lambda model: {"scores": gpt2.scores_of(model, batches[0])}
    return "gpt2-tiny", {"labelSmoothing": 0.1}, lambda: gpt2.load("gpt2-tiny").float(), batches, inputs, lambda model: gpt2.Loss(model, 0.1), scores


def write(name, method, rate, config):
    folder = FIXTURES / "peft-methods" / name
    checkpoint, task, base, batches, inputs, module, outputs = (language_model if name.endswith("gpt2") else roberta)(config)
    torch.manual_seed(29)
    model = get_peft_model(base(), config)
    parameters = trainable(model)
    first = {n: p.flatten()[:4].tolist() for n, p in parameters.items() if n.endswith(("lora_magnitude_vector", "ia3_l", "_d", "_b"))}
    shift(parameters)
    model.save_pretrained(folder)
    tidy(folder, checkpoint, {})
    model = PeftModel.from_pretrained(base(), folder, is_trainable=True).double().train()
    parameters = trainable(model)
    training = {"maxSteps": STEPS, "gradientAccumulation": 1, "learningRate": rate, "schedule": "linear", "warmupSteps": WARMUP,
                "weightDecay": 0.01, "maxGradNorm": 1.0, "dropout": 0}
    stepper = Stepper(parameters, training, WARMUP, STEPS)
    before, trained = outputs(model), module(model)
    loss = stepper.backward(trained, [batches[0]])
    gradients = {f"gradients.{n}": p.grad.clone() for n, p in parameters.items()}
    losses, rates, norms = zip(*(stepper.step(trained, [batches[s % len(batches)]]) for s in range(STEPS)))
    write_case(f"peft-methods/{name}", {"checkpoint": checkpoint, **task, "method": method, "training": training, "batches": len(batches), "loss": loss,
                                        "losses": losses, "learningRates": rates, "gradNorms": norms, "first": first},
               {**inputs, **before, **gradients})
    print(f"{name:28} {len(parameters):3} tensors, loss {losses[0]:.4f} -> {losses[-1]:.4f}, norms {min(norms):.2f}..{max(norms):.2f}")


def main():
    torch.set_num_threads(1)
    disable_progress_bar()
    set_verbosity_error()
    warnings.simplefilter("ignore")
    shutil.rmtree(FIXTURES / "peft-methods", ignore_errors=True)
    for name, case in CASES.items():
        write(name, *case)


if __name__ == "__main__":
    main()
