"""Clean public-domain Project Gutenberg books, train a byte-level BPE and tokenise them.

usage: python prepare.py MILLION_CHARACTERS BOOKS_DIR

Reads every .txt under BOOKS_DIR; writes corpus.txt, bpe.json (the tokenizer) and tokens.u16 into the current folder.
"""
import os
import random
import re
import sys

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 8192
# RoBERTa's special ids; <|endoftext|> for the GPT-2 sibling
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]
END_OF_PARAGRAPH = 2  # </s>
BOOK_SHARE = 2500  # paragraphs taken from one book at most
START = re.compile(r"\*\*\* ?START OF (THE|THIS) PROJECT GUTENBERG.*?\*\*\*", re.S | re.I)
END = re.compile(r"\*\*\* ?END OF (THE|THIS) PROJECT GUTENBERG", re.I)
PLAIN = {"\r": "", "\ufeff": "", "_": "", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2014": "--"}


def read(path):
    try:
        return open(path, encoding="utf-8").read()
    except UnicodeDecodeError:
        return open(path, encoding="latin-1").read()


def paragraphs_of(text):
    """The book's paragraphs of prose, without Gutenberg's own words around them."""
    if match := START.search(text):
        text = text[match.end():]
    if match := END.search(text):
        text = text[:match.start()]
    elif (i := text.lower().rfind("end of project gutenberg")) > 0:
        text = text[:i]
    for old, new in PLAIN.items():
        text = text.replace(old, new)
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text)]
    prose = lambda p: sum(c.isalpha() or c == " " for c in p) / len(p) > 0.85
    return [p for p in paragraphs if len(p) >= 40 and prose(p) and "gutenberg" not in p.lower()]


def is_english(text, paragraphs):
    head = text[:1500].lower()
    if "language:" in head and "language: english" not in head:
        return False
    words = " ".join(paragraphs[:50]).lower().split()
    return bool(words) and sum(w in ("the", "and", "of", "to", "a") for w in words) / len(words) >= 0.08


def collect(root, limit):
    """Books as lists of paragraphs, in a fixed random order, until `limit` characters."""
    files = sorted(os.path.join(d, f) for d, _, names in os.walk(root) for f in names if f.endswith(".txt"))
    random.Random(0).shuffle(files)
    books, characters = [], 0
    for path in files:
        text = read(path)
        paragraphs = paragraphs_of(text)
        if not is_english(text, paragraphs):
            continue
        books.append(paragraphs[:BOOK_SHARE])
        characters += sum(map(len, books[-1]))
        if characters > limit:
            break
    return books, characters


def train_tokenizer(books):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator((p for book in books[::4] for p in book), trainer)  # a quarter of the books is plenty
    return tokenizer


def main():
    books, characters = collect(sys.argv[2], int(sys.argv[1]) * 1_000_000)
    print("books", len(books), "characters", characters)
    with open("corpus.txt", "w") as out:
        for book in books:
            out.write("\n".join(book) + "\n\n")
    tokenizer = train_tokenizer(books)
    tokenizer.save("bpe.json")
    pieces = [np.array([*encoding.ids, END_OF_PARAGRAPH], dtype=np.uint16)
              for book in books for encoding in tokenizer.encode_batch(book, add_special_tokens=False)]
    tokens = np.concatenate(pieces)
    tokens.tofile("tokens.u16")
    print("tokens", len(tokens), "characters per token", characters / len(tokens))


if __name__ == "__main__":
    main()
