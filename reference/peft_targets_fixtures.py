"""Write fixtures/peft-targets.json: which modules peft adapts, and which rank it gives them. usage: python peft_targets_fixtures.py

    modules    by model, the paths of its linear layers (12 layers, so that layer 1 and layer 11 can be confused)
    targets    configs, and the indices in `modules` of the layers that `get_peft_model` adapted (null: it refuses the config)
    patterns   `rank_pattern`s, and for each of `modules` the rank that the adapted layer really has
    matches    regular expressions and names: whether Python matches the whole name (null: it refuses the expression); none on
               which Python itself would backtrack for ever
"""
import json
import re
import warnings
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, RobertaConfig, RobertaForSequenceClassification

FIXTURES = Path(__file__).parent / "fixtures"
SIZES = dict(vocab_size=8, hidden_size=4, num_hidden_layers=12, num_attention_heads=1, intermediate_size=8, max_position_embeddings=8)
MODELS = {"roberta": (RobertaForSequenceClassification, RobertaConfig), "bert": (BertForSequenceClassification, BertConfig)}
QUERY = "encoder.layer.3.attention.self.query"

TARGETS = [
    {"target_modules": ["query", "value"]},
    {"target_modules": ["dense"]},
    {"target_modules": ["output.dense"]},
    {"target_modules": ["attention.output.dense", "intermediate.dense"]},
    {"target_modules": ["self.key", "uery"]},  # an ending that does not begin at a dot is no match
    {"target_modules": ["roberta." + QUERY, "bert." + QUERY, QUERY]},
    {"target_modules": ["layer.1.attention.self.query"]},  # nor is layer 11 an ending
    {"target_modules": ["query", "pooler.dense", "out_proj"]},
    {"target_modules": ["nowhere"]},
    {"target_modules": "all-linear"},
    {"target_modules": "All-Linear"},
    {"target_modules": "all-linear", "exclude_modules": ["pooler.dense", "output.dense"]},
    {"target_modules": "all-linear", "modules_to_save": ["pooler"]},
    {"target_modules": "all-linear", "task_type": None},
    {"target_modules": "all-linear", "exclude_modules": r".*\.layer\.(\d|10)\..*"},
    {"target_modules": "query"},  # a string is an expression, matched in full
    {"target_modules": r".*query"},
    {"target_modules": r".*\.(query|value)"},
    {"target_modules": r".*\.layer\.(?:1|11)\.attention\.self\.(?P<which>query|key)"},
    {"target_modules": r".*layer\.[0-5]\..*(query|dense)$"},
    {"target_modules": r"(?i).*\.ATTENTION\.self\.[k-q]\w+"},
    {"target_modules": r".*\.layer\.1{2}\.(?!attention).*dense"},
    {"target_modules": r".*(?<=attention\.output)\.dense"},
    {"target_modules": r"bert\..*query|roberta\..*value"},
    {"target_modules": r".*\.dense"},
    {"target_modules": r"no\.such\.module"},
    {"target_modules": ["query", "value"], "layers_to_transform": [1, 11]},
    {"target_modules": ["query", "value"], "layers_to_transform": 1},
    {"target_modules": ["query", "value"], "layers_to_transform": []},
    {"target_modules": ["query", "value"], "layers_to_transform": [0], "layers_pattern": "layer"},
    {"target_modules": ["query", "value"], "layers_to_transform": [0], "layers_pattern": ["h", "layer"]},
    {"target_modules": ["query", "value"], "layers_to_transform": [0], "layers_pattern": "layers"},
    {"target_modules": ["query", "value"], "layers_to_transform": [0], "layers_pattern": "encoder.layer"},
    {"target_modules": ["query", "value"], "layers_to_transform": [0], "layers_pattern": ""},
    {"target_modules": ["dense"], "layers_to_transform": [2]},  # the pooler lies in no layer
    {"target_modules": ["roberta." + QUERY, "bert." + QUERY, "key"], "layers_to_transform": [0]},  # a full path wins over the index
    {"target_modules": ["query"], "layers_pattern": "layer"},
    {"target_modules": r".*query", "layers_to_transform": [0]},
    {"target_modules": r".*query", "layers_pattern": "layer"},
    {"target_modules": "all-linear", "layers_to_transform": [0]},
    {"target_modules": ["query", "value"], "exclude_modules": ["layer.0.attention.self.query", "value"]},
    {"target_modules": ["query", "value"], "exclude_modules": r".*\.layer\.\d\..*"},
    {"target_modules": ["query", "value"], "exclude_modules": []},
    {"target_modules": ["query", "value"], "exclude_modules": ["query"], "layers_to_transform": [4]},
    {"target_modules": ["dense"], "modules_to_save": ["pooler", "intermediate"]},
    {"target_modules": ["dense", "query"], "modules_to_save": ["layer.1"]},
    {"target_modules": ["query"], "modules_to_save": ["attention.self"]},
    {"target_modules": ["dense"], "task_type": None},
]

PATTERNS = [
    {"query": 3},
    {"attention.self.query": 3, "layer.1.attention.self.query": 5},  # the first match wins
    {"layer.1.attention.self.query": 5, "attention.self.query": 3},
    {"uery": 3},
    {"^roberta.encoder.layer.0.attention.self.query": 5, "^bert.encoder.layer.0.attention.self.query": 6},
    {"^query": 5},
    {r"layer\.\d\.attention\.self\.(query|key)": 5},
    {"query|key": 3, "output.dense": 5},
    {".*": 3},
    {"attention": 3},
    {r"layer\.(1|11)\..*": 7, "output.dense": 2},
    {},
]

MATCHES = {
    "roberta.encoder.layer.0.attention.self.query": [
        r".*", r".+query", r".*?query", r"^.*query$", r"\A.*\Z", r"roberta\..*", r"roberta", r"roberta.encoder.layer.0.attention.self.query",
        r"[a-z]+(\.[a-z0-9]+){6}", r"[a-z]+(\.[a-z0-9]+){7}", r"(\w+\.)*query", r"(?:\w+\.){2,}\w+", r"(?:\w+\.){,3}\w+", r"(?:\w+\.){6}?\w+",
        r"[^.]+\..*", r"[^]]+", r"[]a-z.0-9]+", r"[\w.]+", r"[\w-]+", r"[.-]*[a-z.\d]+", r".*\bself\b.*", r".*\Bself.*", r".*\d.*", r"\D+",
        r"(?i)ROBERTA.*", r"(?i:ROBERTA)\.enc.*", r"(?i:R)OBERTA.*", r"(?i).*[A-P]ERY", r"(?i).*(?-i:QUERY)", r"(?s).*", r"(?im).*QUERY$",
        r"(?!bert).*", r"(?!roberta).*", r"(?=.*query)(?=.*self).*", r".*(?<!key)", r".*(?<!query)", r".*(?<=self\.)query", r"(?#all of it).*",
        r"(?P<model>\w+)\..*", r"()*.*", r"(a|b|.*)", r"(|.*)", r"|", r"", r".*|", r"\x72oberta.*", r"\u0072oberta.*", r".*\-?", r".*{2}", r"x{", r"{.*",
        r"(.*)+", r"(.*\.)*query", r"((.*)*)*", r"(a?){40}.*", r"(a?){40}", r".{44}", r".{43}", r".{0,43}", r".{44,}", r".{9999}",
        r"(.{2}){22}", r"(.{3}){22}", r"(.{2,3}){16}", r"((?=.)){5}.*", r"(^|x)*.*", r".*($|x)", r".*++", r".**", r"*", r"+a", r"(*)", r"^*", r"\b+",
        r"(", r")", r"(.*", r".*)", r"[", r"[]", r"[z-a]", r"[\d-z]", r"\q", r"\xg0", r".{3,2}", r"(?P<1a>.*)", r"(?y).*", r".*(?i)", "\\",
    ],
    "a-b_c{1}": [r"a-b_c{1}", r"a\-b_c\{1}", r"a-b_c{1}.*", r"a[-]b[_]c[{]1[}]", r"a\-b_c\{1\}", r"a-b_c{1}\{1}", r"a-b_c{,}{1}", r"a-b_c{ 1}", r".*{1}}", r".*\{1}"],
}


def model_of(name):
    model_class, config_class = MODELS[name]
    with torch.device("meta"):
        return model_class(config_class(**SIZES))


def linear_layers(model):
    return [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]


def adapted(name, config):
    """The paths of the layers that peft adapts, with their ranks; None if it refuses the config."""
    try:
        model = get_peft_model(model_of(name), LoraConfig(**{"task_type": "SEQ_CLS", "r": 1, **config}))
    except ValueError as error:
        if "not found in the base model" in str(error) or "No modules were targeted" in str(error):
            return {}
        return None
    base = model.get_base_model()
    return {path: base.get_submodule(path).r["default"] for path in model.targeted_module_names}


def target_case(name, config):
    modules, found = linear_layers(model_of(name)), adapted(name, config)
    if found is not None and not set(found) <= set(modules):
        raise SystemExit(f"{config} adapts other layers than linear ones: {sorted(set(found) - set(modules))}")
    return {"model": name, "config": {"task_type": "SEQ_CLS", **config},
            "adapted": None if found is None else [i for i, path in enumerate(modules) if path in found]}


def pattern_case(name, pattern):
    found = adapted(name, {"target_modules": "all-linear", "task_type": None, "rank_pattern": pattern})
    return {"model": name, "pattern": pattern, "ranks": list(found.values())}


def match_case(text, pattern):
    try:
        return {"text": text, "pattern": pattern, "matches": re.fullmatch(pattern, text) is not None}
    except re.error:
        return {"text": text, "pattern": pattern, "matches": None}


def main():
    warnings.simplefilter("ignore")  # peft's, on configs that match nothing
    groups = {
        "targets": [target_case(name, config) for config in TARGETS for name in MODELS],
        "patterns": [pattern_case(name, pattern) for pattern in PATTERNS for name in MODELS],
        "matches": [match_case(text, pattern) for text, patterns in MATCHES.items() for pattern in patterns],
    }
    lines = [f'"modules": {json.dumps({name: linear_layers(model_of(name)) for name in MODELS})}']
    for group, cases in groups.items():
        lines.append(f'"{group}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]")
    (FIXTURES / "peft-targets.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print({group: len(cases) for group, cases in groups.items()})


if __name__ == "__main__":
    main()
