"""Writes the safetensors fixtures of src/checkpoint: files by the reference implementation, and its verdict on bad headers.

Run: python reference/safetensors_fixtures.py   (needs torch and safetensors)
"""

import base64
import json
import struct
from pathlib import Path

import torch
from safetensors import SafetensorError, deserialize
from safetensors.torch import save_file

OUT = Path(__file__).parent / "fixtures" / "safetensors"
OUT.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)

values = torch.randn(3, 5)
edge = torch.tensor([0.0, -0.0, 1.0, 65504.0, 2**-14, 2**-24, -(2**-25), float("inf"), -float("inf"), 1 / 3])
tensors = {
    "encoder.weight": values,
    "encoder.half": values.half(),
    "encoder.brain": values.bfloat16(),
    "encoder.double": values.double() / 3,
    "edge.half": edge.half(),
    "edge.brain": edge.bfloat16(),
    "position_ids": torch.arange(7)[None],
    "mask": torch.tensor([True, False, True]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 4),
    "größe": torch.tensor([1, -2], dtype=torch.int8),
}
save_file(tensors, OUT / "reference.safetensors", metadata={"format": "pt"})
# What each floating-point tensor is as f32, and f32 as f16: the expected values, bit by bit.
floats = {name: t.float() for name, t in tensors.items() if t.is_floating_point()}
to_half = torch.cat([torch.randn(200) * 10.0 ** torch.randint(-9, 6, (200,)), edge, torch.tensor([65519.99, 65520.0])])
expected = {
    "float32": {n: t.contiguous().view(torch.int32).flatten().tolist() for n, t in floats.items()},
    "toHalf": [[a, b & 0xFFFF] for a, b in zip(to_half.view(torch.int32).tolist(), to_half.half().view(torch.int16).tolist())],
}
(OUT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


def file(header, data=b""):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


good, four = entry(), b"1234"
text = json.dumps(good)
cases = {
    "one tensor": file({"a": good}, four),
    "no tensors": file({}),
    "no bytes": b"",
    "seven bytes": b"1234567",
    "header of zero bytes": struct.pack("<Q", 0),
    "header over 100 MB": struct.pack("<Q", 100_000_001) + b"{}",
    "header length 2^64-1": b"\xff" * 8 + b"{}",
    "header beyond the file": struct.pack("<Q", 3) + b"{}",
    "header is a list": file([]),
    "header is cut JSON": file(b'{"a":'),
    "header is not UTF-8": file(b'{"\xff":' + text.encode() + b"}", four),
    "spaces after the header": file(json.dumps({"a": good}).encode() + b"   \n", four),
    "NUL after the header": file(json.dumps({"a": good}).encode() + b"\0", four),
    "dtype unknown": file({"a": entry("F31")}, four),
    "dtype in lower case": file({"a": entry("f32")}, four),
    "dtype missing": file({"a": {"shape": [1], "data_offsets": [0, 4]}}, four),
    "shape missing": file({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, four),
    "offsets missing": file({"a": {"dtype": "F32", "shape": [1]}}, four),
    "shape negative": file({"a": entry(shape=(-1,))}, four),
    "shape of a float": file({"a": entry(shape=(1.0,))}, four),
    "shape with exponent": file(b'{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', four),
    "shape of minus zero": file(b'{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'),
    "shape of text": file({"a": entry(shape=("1",))}, four),
    "shape null": file({"a": {**good, "shape": None}}, four),
    "shape × size overflows": file({"a": entry(shape=(2**61,))}, four),
    "shape overflows before a zero": file({"a": entry(shape=(2**60, 2**60, 0), offsets=(0, 0))}),
    "shape wraps to 4 bytes": file({"a": entry(shape=(2**32, 2**32 + 1))}, four),
    "size disagrees with shape": file({"a": entry(shape=(2,))}, four),
    "scalar": file({"a": entry(shape=())}, four),
    "empty tensor": file({"a": entry(shape=(0, 3), offsets=(0, 0))}),
    "empty tensor after another": file({"a": good, "b": entry(shape=(0,), offsets=(4, 4))}, four),
    "empty tensor in a hole": file({"a": good, "b": entry(shape=(0,), offsets=(2, 2))}, four),
    "offsets swapped": file({"a": entry(offsets=(4, 0))}, four),
    "offsets beyond the file": file({"a": entry(offsets=(0, 4))}, b"12"),
    "offsets of three": file({"a": entry(offsets=(0, 4, 4))}, four),
    "offsets not from zero": file({"a": entry(offsets=(4, 8))}, four * 2),
    "keys in another order than the data": file({"a": entry(offsets=(4, 8)), "b": good}, four * 2),
    "overlap": file({"a": good, "b": entry(offsets=(2, 6))}, b"123456"),
    "same bytes twice": file({"a": good, "b": good}, four),
    "hole": file({"a": good, "b": entry(offsets=(8, 12))}, four * 3),
    "bytes after the last tensor": file({"a": good}, four + b"!"),
    "metadata": file({"__metadata__": {"format": "pt"}, "a": good}, four),
    "metadata null": file({"__metadata__": None, "a": good}, four),
    "metadata of a number": file({"__metadata__": {"step": 3}, "a": good}, four),
    "metadata a list": file({"__metadata__": [], "a": good}, four),
    "metadata twice": file(f'{{"__metadata__":{{}},"__metadata__":{{}},"a":{text}}}'.encode(), four),
    "field twice": file(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
    "field unknown": file({"a": {**good, "note": "x"}}, four),
    "tensor null": file({"a": None}, four),
    "tensor a number": file({"a": 4}, four),
    "named __proto__": file(f'{{"__proto__":{text}}}'.encode(), four),
    "half a surrogate pair": file(f'{{"\\ud800":{text}}}'.encode(), four),
    "control character": file(f'{{"a\tb":{text}}}'.encode(), four),
    "trailing comma": file(f'{{"a":{text},}}'.encode(), four),
    "F4 of whole bytes": file({"a": entry("F4", (4,), (0, 2))}, b"12"),
    "F4 of half a byte": file({"a": entry("F4", (3,), (0, 2))}, b"12"),
    "F6 of whole bytes": file({"a": entry("F6_E2M3", (4,), (0, 3))}, b"123"),
    "C64": file({"a": entry("C64", (1,), (0, 8))}, four * 2),
    # Where the reference is laxer than the format's description (and than we are).
    "space before the header": file(b" " + json.dumps({"a": good}).encode(), four),
    "tensor twice": file(f'{{"a":{text},"a":{text}}}'.encode(), four),
    "tensor twice, escaped": file(f'{{"a":{text},"\\u0061":{text}}}'.encode(), four),
    "metadata key twice": file(f'{{"__metadata__":{{"x":"1","x":"2"}},"a":{text}}}'.encode(), four),
    "tensor as a list": file({"a": ["F32", [1], [0, 4]]}, four),
}
verdicts = []
for name, content in cases.items():
    try:
        read = {n: [t["dtype"], t["shape"], base64.b64encode(bytes(t["data"])).decode()] for n, t in deserialize(content)}
        verdict = {"tensors": read}
    except SafetensorError as error:
        verdict = {"error": str(error)}
    verdicts.append({"name": name, "file": base64.b64encode(content).decode(), **verdict})
(OUT / "verdicts.json").write_text("[\n" + ",\n".join(json.dumps(v, ensure_ascii=False) for v in verdicts) + "\n]\n")
