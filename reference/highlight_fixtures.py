"""Write fixtures/highlights-*: what the words of an input do for a tuned model's answer, by every measure that the page draws, in float64.
usage: python highlight_fixtures.py

The models are those that training cases start from (LoRA's B is not zero, HUT's factors are off the identity), so the other scripts
write their fixtures first. Everything is told by token; README.md has the layout.

The word embedding of a token is its row of the word table, before positions, types and norms are added: gradients are taken there.
"""
import json

import torch
from safetensors.torch import load_file
from torch.nn.functional import cosine_similarity
from transformers import AutoModelForQuestionAnswering
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

import gpt2_fixtures
import squad_fixtures
from make_fixtures import FIXTURES, MODELS, load, write_case
from training import adapt, trainable

STEPS, DELETED = 32, 8
# The small models have no tokenizers: of 64 tokens the first five are special, and the same batches as elsewhere draw from the others.
ROBERTA = {"first": 0, "last": 2, "baselineTokenId": 1, "maskTokenId": 4}
BERT = {"first": 2, "last": 3, "baselineTokenId": 0, "maskTokenId": 4}
GPT2 = {"baselineTokenId": 0, "maskTokenId": 0}  # end of text
SETTINGS = ("checkpoint", "numLabels", "task", "method", "settings", "rank", "alpha", "targetModules", "labelSmoothing")


def draw(generator, count, vocabulary, lowest=5):
    return torch.randint(lowest, vocabulary, (count,), generator=generator).tolist()


def row(ids, kept=(), types=None, **more):
    """`kept` are the places of special tokens, which no baseline or mask takes the place of."""
    return {"inputIds": ids, "kept": list(kept), **({"tokenTypeIds": types} if types else {}), **more}


def texts(special, lengths, vocabulary, seed):
    """Rows `<s> text </s>`."""
    g = torch.Generator().manual_seed(seed)
    return [row([special["first"], *draw(g, n - 2, vocabulary), special["last"]], [0, n - 1], [0] * n) for n in lengths]


def questions(special, lengths, vocabulary, seed):
    """Rows `[CLS] question [SEP] passage [SEP]`; lengths are those of question and passage."""
    g = torch.Generator().manual_seed(seed)
    rows = []
    for asked, told in lengths:
        ids = [special["first"], *draw(g, asked, vocabulary), special["last"], *draw(g, told, vocabulary), special["last"]]
        types = [0] * (asked + 2) + [1] * (told + 1)
        rows.append(row(ids, [0, asked + 1, asked + told + 2], types, passage=[asked + 2, asked + 1 + told]))
    return rows


def openings(lengths, vocabulary, seed):
    """Rows of text that a language model goes on with: no token is special."""
    g = torch.Generator().manual_seed(seed)
    return [row(draw(g, n, vocabulary, lowest=1)) for n in lengths]


class Classifier:
    """The score is the logit of class c, which is the likeliest, and the reference the first token."""

    def subject(self, outputs, given):
        return {"c": outputs.logits[0].argmax().item()}

    def score(self, outputs, subject):
        return outputs.logits[0, subject["c"]]

    def probability(self, outputs, subject):
        return outputs.logits[0].softmax(-1)[subject["c"]]

    def reference_rows(self, length, subject):
        return [0]


class Span:
    """The score is the start's logit of token s and the end's of token e; s to e is the best span of the passage, and the reference."""

    def subject(self, outputs, given):
        first, last = given["passage"]
        sums = outputs.start_logits[0, first : last + 1, None] + outputs.end_logits[0, None, first : last + 1]
        backward = torch.ones_like(sums).tril(-1).bool()
        s, e = divmod(sums.masked_fill(backward, -torch.inf).argmax().item(), len(sums))
        return {"s": first + s, "e": first + e}

    def score(self, outputs, subject):
        return outputs.start_logits[0, subject["s"]] + outputs.end_logits[0, subject["e"]]

    def probability(self, outputs, subject):
        return outputs.start_logits[0].softmax(-1)[subject["s"]] * outputs.end_logits[0].softmax(-1)[subject["e"]]

    def reference_rows(self, length, subject):
        return list(range(subject["s"], subject["e"] + 1))


class NextToken:
    """The score is the logit of token t after the last one, which is the likeliest, and the reference the last token."""

    def subject(self, outputs, given):
        return {"t": outputs.logits[0, -1].argmax().item()}

    def score(self, outputs, subject):
        return outputs.logits[0, -1, subject["t"]]

    def probability(self, outputs, subject):
        return outputs.logits[0, -1].softmax(-1)[subject["t"]]

    def reference_rows(self, length, subject):
        return [length - 1]


CASES = {  # name: the training case whose model it is, the answers, the special tokens, the inputs
    "highlights-roberta-lora": ("roberta-lora-query-value", Classifier(), ROBERTA, texts(ROBERTA, (7, 14), 64, 1)),
    "highlights-roberta-hut": ("roberta-hut-query-value", Classifier(), ROBERTA, texts(ROBERTA, (12, 9), 64, 2)),
    "highlights-bert-span-hut": ("bert-span-hut", Span(), BERT, questions(BERT, ((3, 8), (4, 5)), 64, 3)),
    "highlights-gpt2-lora": ("gpt2-tiny-lora", NextToken(), GPT2, openings((11, 6), 211, 4)),
    "highlights-gpt2-odd-hut": ("gpt2-odd-hut", NextToken(), GPT2, openings((9, 13), 61, 5)),
}


def open_case(name):
    """The model that a training case starts from, its settings and what it starts with."""
    settings = json.loads((FIXTURES / name / "case.json").read_text())
    initial = {k: v for k, v in load_file(FIXTURES / name / "tensors.safetensors").items() if k.startswith("initial.")}
    if "labelSmoothing" in settings:
        model = gpt2_fixtures.load(settings["checkpoint"])
        parameters = gpt2_fixtures.by_role(model, {"method": settings["method"], **settings["settings"]})
    elif "task" in settings:
        base = AutoModelForQuestionAnswering.from_pretrained(MODELS / settings["checkpoint"], dtype=torch.float32)
        model, parameters = squad_fixtures.adapt(base, settings)
    else:
        model = adapt(load(settings["checkpoint"], settings["numLabels"], torch.float32), settings)
        parameters = trainable(model)
    unknown = {k for k in initial if k.removeprefix("initial.") not in parameters}
    assert initial and not unknown, unknown
    with torch.no_grad():
        for key, value in initial.items():
            parameters[key.removeprefix("initial.")].copy_(value)
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    model.set_attn_implementation("eager")
    model.requires_grad_(False)
    return model.eval(), {k: settings[k] for k in SETTINGS if k in settings}, initial


class Reader:
    """Runs a model on one row, given as word embeddings."""

    def __init__(self, model, given):
        self.model, self.table = model, model.get_input_embeddings().weight
        self.types = {"token_type_ids": torch.tensor([given["tokenTypeIds"]])} if "tokenTypeIds" in given else {}

    def words(self, ids):
        return self.table[torch.tensor(ids)]

    def __call__(self, words, **more):
        return self.model(inputs_embeds=words[None], attention_mask=torch.ones(1, len(words)), **self.types, **more)

    def gradient(self, words, score):
        words = words.clone().requires_grad_()
        return torch.autograd.grad(score(self(words)), words)[0]


def rollout(attentions):
    """Attention rollout (Abnar and Zuidema 2020): a layer passes on half of its attention and half of what it was given.
    attentions [1, heads, L, L] by layer, the first first; returns [L, L], whose rows sum to one as those of each layer do."""
    identity = torch.eye(attentions[0].shape[-1], dtype=attentions[0].dtype)
    product = identity
    for layer in attentions:
        product = (0.5 * layer[0].mean(0) + 0.5 * identity) @ product
    return product


def highlights(model, answers, special, given, subject=None):
    """Every highlight of one input for one answer, the model's own where `subject` is left out."""
    read = Reader(model, given)
    ids, kept = given["inputIds"], given["kept"]
    words = read.words(ids)
    outputs = read(words, output_attentions=True, output_hidden_states=True)
    subject = subject or answers.subject(outputs, given)
    score = lambda outputs: answers.score(outputs, subject)

    states = outputs.hidden_states[-1][0]  # GPT-2's after its last norm
    rows = answers.reference_rows(len(ids), subject)
    reference = states[rows].mean(0)
    heads = outputs.attentions[-1][0][:, rows].mean(1)
    products = (read.gradient(words, score) * words).sum(-1)

    baseline_ids = [token if i in kept else special["baselineTokenId"] for i, token in enumerate(ids)]
    baseline = read.words(baseline_ids)
    way = words - baseline
    gradients = [read.gradient(baseline + (k + 0.5) / STEPS * way, score) for k in range(STEPS)]

    order = sorted((i for i in range(len(ids)) if i not in kept), key=lambda i: -products[i].abs().item())[:DELETED]
    masked = [[special["maskTokenId"] if i in order[:k] else token for i, token in enumerate(ids)] for k in range(len(order) + 1)]
    numbers = {
        "relationFinal": cosine_similarity(reference[None], states),
        "relationInput": cosine_similarity(reference[None], words),
        "attentionHeads": heads,
        "attention": heads.mean(0),
        "rollout": rollout(outputs.attentions)[rows].mean(0),
        "gradientInput": products,
        "integratedGradients": (way * torch.stack(gradients).mean(0)).sum(-1),
        "scoreAtInput": score(outputs),
        "scoreAtBaseline": score(read(baseline)),
        "deletion": torch.stack([answers.probability(read(read.words(tokens)), subject) for tokens in masked]),
    }
    return {**subject, "referenceRows": rows, "baselineIds": baseline_ids, "deletionOrder": order}, numbers


def check(model, given, numbers):
    """Ids and embeddings give the same states, and rows of attention sum to one. Returns the share of the difference of scores by
    which the sum of integrated gradients misses it."""
    read, ids = Reader(model, given), given["inputIds"]
    by_ids = model(input_ids=torch.tensor([ids]), **read.types, output_hidden_states=True)
    by_words = read(read.words(ids), output_hidden_states=True)
    torch.testing.assert_close(by_ids.hidden_states[-1], by_words.hidden_states[-1])
    for name in ("attention", "rollout"):
        torch.testing.assert_close(numbers[name].sum().item(), 1.0)
    difference = (numbers["scoreAtInput"] - numbers["scoreAtBaseline"]).item()
    return abs(numbers["integratedGradients"].sum().item() / difference - 1)


def highlight_case(name, case, answers, special, inputs):
    model, settings, initial = open_case(case)
    exact = [highlights(model.double(), answers, special, given) for given in inputs]
    errors = [check(model, given, numbers) for given, (_, numbers) in zip(inputs, exact)]
    # In float32, for the same answers.
    deviations = {kind: 0.0 for kind in exact[0][1]}
    for given, (facts, numbers) in zip(inputs, exact):
        subject = {k: v for k, v in facts.items() if k in ("c", "s", "e", "t")}
        other, rounded = highlights(model.float(), answers, special, given, subject)
        assert other["deletionOrder"] == facts["deletionOrder"]
        for kind, value in numbers.items():
            worst = ((value - rounded[kind]).abs().max() / value.abs().max()).item()
            deviations[kind] = max(deviations[kind], worst)
    rows = [{**given, **facts, **{k: v.tolist() for k, v in numbers.items()}, "completenessError": error}
            for given, (facts, numbers), error in zip(inputs, exact, errors)]
    tokens = {k: special[k] for k in ("baselineTokenId", "maskTokenId")}
    write_case(name, {**settings, **tokens, "steps": STEPS, "float32": deviations, "inputs": rows}, initial)
    for facts, error in zip(rows, errors):
        print(f"{name:26} {len(facts['inputIds']):3} tokens, answer {[facts[k] for k in 'cset' if k in facts]}, "
              f"score {facts['scoreAtBaseline']:.2f} -> {facts['scoreAtInput']:.2f}, completeness {error:.1e}, "
              f"probability {facts['deletion'][0]:.3f} -> {facts['deletion'][-1]:.3f}")
    print(" " * 26, " ".join(f"{k} {v:.0e}" for k, v in deviations.items()))


def main():
    torch.set_num_threads(1)
    disable_progress_bar()
    set_verbosity_error()
    for name, case in CASES.items():
        highlight_case(name, *case)


if __name__ == "__main__":
    main()
