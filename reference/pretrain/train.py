"""Pre-train a tiny RoBERTa or GPT-2 on prepare.py's tokens.u16.

usage: python train.py roberta|gpt2 MINUTES THREADS      writes out-roberta/ or out-gpt2/

GPT-2 learns by next-token prediction throughout. RoBERTa does so for the first half (causal mask, dense signal), then by masked
next-token prediction (LLM2Vec, arXiv 2404.05961): full attention, and the state before a masked token predicts it. At this budget
(tens of millions of tokens) a masked LM from scratch, or one switched to predicting in place, stays on the unigram plateau at 6.3 nats.
"""
import json
import os
import sys
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel, RobertaConfig, RobertaForCausalLM, RobertaForMaskedLM

VOCABULARY, LENGTH = 8192, 128
MASK, END_OF_PARAGRAPH, END_OF_TEXT = 4, 2, 5
FIRST_WORD = 6  # below are the special tokens
ROBERTA = dict(vocab_size=VOCABULARY, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024,
               max_position_embeddings=258, type_vocab_size=1, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
               layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
GPT2 = dict(vocab_size=VOCABULARY, n_positions=256, n_embd=256, n_layer=4, n_head=4, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            bos_token_id=END_OF_TEXT, eos_token_id=END_OF_TEXT)


def make_optimizer(model, peak):
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98))


def next_token_loss(model, x):
    logits = model(x[:, :-1]).logits.float()
    return cross_entropy(logits.reshape(-1, VOCABULARY), x[:, 1:].reshape(-1))


def masked_next_token_loss(model, x):
    """Of a fifth of the tokens, 80% become <mask>, 10% another word, 10% stay; the state before each predicts it."""
    x[:, 0] = 0
    target = x.clone()
    chosen, kind = (torch.rand(x.shape) < 0.2) & (x >= FIRST_WORD), torch.rand(x.shape)
    other = torch.where(chosen & (kind > 0.9), torch.randint(FIRST_WORD, VOCABULARY, x.shape), x)
    x = torch.where(chosen & (kind < 0.8), torch.full_like(x, MASK), other)
    following = chosen[:, 1:]
    hidden = model.roberta(x).last_hidden_state[:, :-1][following]
    return cross_entropy(model.lm_head(hidden).float(), target[:, 1:][following])


def main():
    kind, minutes, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    tokens = np.memmap("tokens.u16", dtype=np.uint16, mode="r")
    roberta, out = kind == "roberta", f"out-{kind}"
    batch_size, peak = (32, 1.5e-3) if roberta else (48, 2e-3)
    model = RobertaForCausalLM(RobertaConfig(**ROBERTA, is_decoder=True)) if roberta else GPT2LMHeadModel(GPT2Config(**GPT2))
    print(kind, sum(p.numel() for p in model.parameters()), flush=True)
    optimizer, causal, step, average = make_optimizer(model, peak), True, 0, None
    started = last_save = time.time()
    os.makedirs(out, exist_ok=True)
    model.train()
    while (fraction := (time.time() - started) / (minutes * 60)) < 1:
        if roberta and causal and fraction > 0.5:  # same weights and moments, full attention
            weights, moments = model.state_dict(), optimizer.state_dict()
            model = RobertaForMaskedLM(RobertaConfig(**ROBERTA))
            model.load_state_dict(weights, strict=False)
            model.train()
            optimizer = make_optimizer(model, peak)
            optimizer.load_state_dict(moments)
            causal, average = False, None
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1, (step + 1) / 200) * (1 - fraction * 0.98)
        length = 2 * LENGTH if step % 4 == 3 else LENGTH  # a quarter of the batches is long, so every position gets trained
        starts = rng.integers(0, len(tokens) - length - 1, batch_size * LENGTH // length)
        x = torch.from_numpy(np.stack([tokens[i:i + length] for i in starts]).astype(np.int64))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            if roberta:
                loss = next_token_loss(model, x) if causal else masked_next_token_loss(model, x)
            else:
                loss = next_token_loss(model, torch.where(x == END_OF_PARAGRAPH, END_OF_TEXT, x))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0:
            rate = step * batch_size * LENGTH / (time.time() - started)
            print(f"{step} loss {average:.3f} tokens/s {rate:.0f} done {fraction:.1%}", flush=True)
        if time.time() - last_save > 600:
            model.save_pretrained(out)
            last_save = time.time()
    model.save_pretrained(out)
    with open(f"{out}/training.json", "w") as file:
        json.dump({"steps": step, "tokens": step * batch_size * LENGTH, "loss": average}, file)


if __name__ == "__main__":
    main()
