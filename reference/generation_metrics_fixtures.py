"""Generation metrics of small random corpora, each by another route than the TypeScript takes.

BLEU is sacrebleu's; NIST is nltk's where each output has one reference, and counted from lists elsewhere; ROUGE-L's
subsequence comes from recursion, CIDEr from dense vectors, METEOR from trying every alignment (no two words of the
vocabulary share a stem). Run from the project root: python reference/generation_metrics_fixtures.py
"""
import json
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import sacrebleu
from nltk.translate.nist_score import corpus_nist
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

FUNCTION_WORDS = ["the", "is", "with", "in"]
WORDS = FUNCTION_WORDS + ["pub", "river", "cheap", "food", "blue", "near"]


def text(g, length):
    words = [WORDS[i] for i in g.integers(0, len(WORDS), length)]
    marked = [w + g.choice(["", "", "", ","]) for w in words]
    return (" ".join(marked).rstrip(",").capitalize() + g.choice([".", "", "!"])) if words else ""


def variation(g, source):
    words = [w for w in source.split(" ") if g.random() < 0.85]
    if len(words) > 3:
        i = g.integers(0, len(words) - 1)
        words[i], words[i + 1] = words[i + 1], words[i]
    return " ".join(words)


def plain(s):
    return [w for w in s.lower().translate(str.maketrans(".,!", "   ")).split(" ") if w]


def ngrams(tokens, n):
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def bleu(outputs, references):
    most = max(map(len, references))
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(most)]
    return sacrebleu.corpus_bleu(outputs, streams, lowercase=True).score / 100


def nist(outputs, references):
    tokenize = Tokenizer13a()
    tokens = lambda s: tokenize(s.lower()).split()
    outputs, references = [tokens(o) for o in outputs], [[tokens(r) for r in rs] for rs in references]
    if max(map(len, references)) == 1:
        return corpus_nist(references, outputs)
    score = 0
    everything = [r for rs in references for r in rs]
    for n in range(1, 6):
        all_n = [x for r in everything for x in ngrams(r, n)]
        before = [x for r in everything for x in ngrams(r, n - 1)] if n > 1 else [() for r in everything for _ in r]
        gain, total = 0, 0
        for output, rs in zip(outputs, references):
            own = ngrams(output, n)
            total += len(own)
            for x in set(own):
                count = min(own.count(x), max(ngrams(r, n).count(x) for r in rs))
                if count:
                    gain += count * np.log2(before.count(x[:-1]) / all_n.count(x))
        score += gain / max(total, 1)
    ratio = sum(map(len, outputs)) / (sum(map(len, everything)) / max(map(len, references)))
    return score * (1 if ratio >= 1 else 0.5 ** ((np.log(ratio) / np.log(1.5)) ** 2))


def common(a, b):
    @lru_cache(None)
    def longest(i, j):
        if i == len(a) or j == len(b):
            return 0
        return 1 + longest(i + 1, j + 1) if a[i] == b[j] else max(longest(i + 1, j), longest(i, j + 1))

    return longest(0, 0)


def rouge(outputs, references):
    def one(o, rs):
        p = max(common(o, r) / max(len(o), 1) for r in rs)
        r = max(common(o, r) / max(len(r), 1) for r in rs)
        return 0 if p * r == 0 else (1 + 1.2**2) * p * r / (r + 1.2**2 * p)

    return float(np.mean([one(o, rs) for o, rs in zip(outputs, references)]))


def cider(outputs, references):
    scores = np.zeros(len(outputs))
    for n in range(1, 5):
        index = {x: i for i, x in enumerate(sorted({x for s in outputs + sum(references, []) for x in ngrams(s, n)}))}
        count = lambda s: np.bincount([index[x] for x in ngrams(s, n)], minlength=max(len(index), 1)).astype(float)
        seen = np.array([np.any([count(r) > 0 for r in rs], axis=0) for rs in references]).sum(0)
        idf = np.log(len(outputs)) - np.log(np.maximum(seen, 1))
        for i, (o, rs) in enumerate(zip(outputs, references)):
            for r in rs:
                a, b = count(o) * idf, count(r) * idf
                if norms := np.linalg.norm(a) * np.linalg.norm(b):
                    penalty = np.exp(-((len(ngrams(o, 2)) - len(ngrams(r, 2))) ** 2) / 72)
                    scores[i] += 10 / 4 / len(rs) * penalty * np.minimum(a, b) @ b / norms
    return float(scores.mean())


def meteor(outputs, references):
    weight = lambda s: sum(0.25 if w in FUNCTION_WORDS else 0.75 for w in s)

    def statistics(o, r):
        best = (0, 0, 0)
        for choice in product(*[[None] + [i for i, x in enumerate(o) if x == w] for w in r]):
            taken = [i for i in choice if i is not None]
            if len(set(taken)) == len(taken):
                chunks = sum(i is not None and (j == 0 or choice[j - 1] != i - 1) for j, i in enumerate(choice))
                best = max(best, (len(taken), -chunks, weight([o[i] for i in taken])))
        matches, chunks, matched = best
        return np.array([len(o), len(r), weight(o), weight(r), matched, matches, -chunks], float)

    def score(s):
        if s[5] == 0:
            return 0
        mean = 1 / (0.15 / (s[4] / s[2]) + 0.85 / (s[4] / s[3]))
        return mean * (1 - (0 if s[0] == s[1] == s[5] and s[6] == 1 else 0.6 * (s[6] / s[5]) ** 0.2))

    return float(score(sum(max((statistics(o, r) for r in rs), key=score) for o, rs in zip(outputs, references))))


def main():
    g = np.random.default_rng(11)
    cases = []
    for examples, most in [(6, 1), (6, 4), (3, 3), (9, 2)]:
        references = [[text(g, 5 + g.integers(0, 5)) for _ in range(1 + g.integers(0, most))] for _ in range(examples)]
        outputs = [variation(g, rs[0]) for rs in references]
        outputs[1] = "" if most > 1 else outputs[1]
        tokens = [plain(o) for o in outputs], [[plain(r) for r in rs] for rs in references]
        scores = {
            "bleu": bleu(outputs, references),
            "nist": float(nist(outputs, references)),
            "meteor": meteor(*tokens),
            "rougeL": rouge(*tokens),
            "cider": cider(*tokens),
        }
        cases.append({"outputs": outputs, "references": references, "scores": scores})
    path = Path("reference/fixtures/generation-metrics.json")
    path.write_text(json.dumps(cases, separators=(",", ":"), allow_nan=False) + "\n")


main()
