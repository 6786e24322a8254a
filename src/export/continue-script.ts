/** `continue.py`: loads an export with `transformers` (and PEFT, or a few lines of PyTorch for HUT), answers, and trains on. */
import { exportedMethod, type ExportInfo } from './model-card';

const hutModule = `

class Hut(torch.nn.Module):
    """h = gamma * (x W_new) + b + beta, W_new = diag(mean M_A) W0 diag(mean M_B) (arXiv 2409.13501, Eq. 8-10); W0 and b frozen."""

    def __init__(self, linear, tensors):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        for name, value in tensors.items():
            self.register_parameter(name, torch.nn.Parameter(value))

    def forward(self, x):
        u = torch.nn.functional.linear(x * self.hut_A.mean(1), self.linear.weight)
        return u * (self.hut_gamma * self.hut_B.mean(0)) + self.linear.bias + self.hut_beta


def apply_hut(model, file):
    """Wraps the adapted layers, loads what was trained in full (the head), and freezes the rest."""
    model.requires_grad_(False)
    layers, full = {}, {}
    for key, value in load_file(file).items():
        module, _, name = key.removeprefix("base_model.model.").rpartition(".")
        if name.startswith("hut_"):
            layers.setdefault(module, {})[name] = value
        else:
            full[f"{module}.{name}"] = value
    for path, tensors in layers.items():
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, Hut(model.get_submodule(path), tensors))
    unknown = model.load_state_dict(full, strict=False).unexpected_keys
    assert not unknown, unknown
    for name, parameter in model.named_parameters():
        if name in full:
            parameter.requires_grad_(True)
    return model
`;

/** How the model is loaded, and how it is saved again. */
function parts(
  kind: ExportInfo['kind'],
  hut: boolean,
): { imports: string; helpers: string; load: string; save: string } {
  const base = `AutoModelForSequenceClassification.from_pretrained(arguments.base, num_labels=len(LABELS) or 1, problem_type=PROBLEM, ignore_mismatched_sizes=True).float()`;
  if (kind === 'merged')
    return {
      imports: '',
      helpers: '',
      load: 'AutoModelForSequenceClassification.from_pretrained(HERE)',
      save: 'model.save_pretrained(arguments.out)',
    };
  if (hut) {
    const trained = `trained = {f"base_model.model.{name}": value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}`;
    return {
      imports: 'import shutil\n',
      helpers: hutModule,
      load: `apply_hut(${base}, HERE / "adapter_model.safetensors")`,
      save: `arguments.out.mkdir(parents=True, exist_ok=True)\n    ${trained}\n    save_file(trained, arguments.out / "adapter_model.safetensors", {"format": "pt"})\n    shutil.copy(HERE / "adapter_config.json", arguments.out)`,
    };
  }
  return {
    imports: '',
    helpers: '',
    load: `PeftModel.from_pretrained(${base}, HERE, is_trainable=True)`,
    save: 'model.save_pretrained(arguments.out)',
  };
}

export function continueScript(info: ExportInfo): string {
  const { results, kind, task } = info;
  const { found, settings, checkpoint, onHub } = exportedMethod(info);
  const hut = found.method === 'hut';
  const { imports, helpers, load, save } = parts(kind, hut);
  const training = results.recipe['training'] as Record<string, unknown>;
  const regression = task.kind === 'regression';
  const text = JSON.stringify; // JSON strings, lists and numbers are Python's, too.
  // The merged model trains in full, which takes smaller steps than an adapter does.
  const learningRate = kind === 'merged' ? '2e-5' : text(settings['learningRate'] ?? training['learningRate']);
  // HUT's factors multiply: decay towards 0 would switch the layers off.
  const decay = hut && kind === 'adapter' ? '0.0' : text(training['weightDecay']);
  const baseOption =
    kind === 'merged'
      ? ''
      : `\n    parser.add_argument("--base", ${onHub ? `default=${text(checkpoint)}` : 'required=True'}, help="folder or hub id of the base checkpoint")`;
  const libraries = [
    ...(kind === 'adapter' && !hut ? ['from peft import PeftModel'] : []),
    ...(kind === 'adapter' && hut ? ['from safetensors.torch import load_file, save_file'] : []),
    'from transformers import AutoModelForSequenceClassification, AutoTokenizer',
  ];
  return `"""Loads this export, answers a text, and trains on from it.

    python continue.py ${kind === 'merged' || onHub ? '' : '--base FOLDER '}"a text"${task.paired ? ' "its pair"' : ''}
    python continue.py ${kind === 'merged' || onHub ? '' : '--base FOLDER '}--train more.csv      columns: text${task.paired ? ', pair' : ''}, label${regression ? ' (a score)' : ' (a name or its number)'}

Needs: pip install torch transformers${kind === 'adapter' && !hut ? ' peft' : ''}
"""
import argparse
import csv
import random
${imports}from pathlib import Path

import torch
${libraries.join('\n')}

HERE = Path(__file__).resolve().parent
LABELS = ${text(regression ? [] : task.labelNames)}
PROBLEM = ${text(regression ? 'regression' : 'single_label_classification')}
MAX_LENGTH = ${text(training['maxLength'])}
${helpers}

def encode(tokenizer, rows):
    pairs = [row.get("pair") or None for row in rows]
    second = pairs if any(pairs) else None
    return tokenizer([row["text"] for row in rows], second, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")


def answer(model, tokenizer, text, pair=None):
    model.eval()
    with torch.no_grad():
        logits = model(**encode(tokenizer, [{"text": text, "pair": pair}])).logits[0]
    if not LABELS:
        return {"score": logits[0].item()}
    return dict(zip(LABELS, logits.softmax(0).tolist()))


def train(model, tokenizer, arguments):
    with open(arguments.train, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = [float(row["label"]) if not LABELS else LABELS.index(row["label"]) if row["label"] in LABELS else int(row["label"]) for row in rows]
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=arguments.lr, weight_decay=${decay})
    order = list(range(len(rows)))
    for epoch in range(arguments.epochs):
        random.Random(epoch).shuffle(order)
        total = 0.0
        for start in range(0, len(order), arguments.batch):
            chosen = order[start : start + arguments.batch]
            batch = encode(tokenizer, [rows[i] for i in chosen])
            loss = model(**batch, labels=torch.tensor([labels[i] for i in chosen])).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, ${text(training['maxGradNorm'])} or float("inf"))
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1}: mean loss {total / len(rows):.4f}")
    ${save}${kind === 'merged' ? '\n    tokenizer.save_pretrained(arguments.out)' : ''}
    print(f"saved to {arguments.out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("text", nargs="*", default=${text(task.paired ? ['This is a test.', 'This was tested.'] : ['This is a test.'])}, help="a text${task.paired ? ' and its pair' : ''}")${baseOption}
    parser.add_argument("--train", type=Path, help="a CSV file to train on")
    parser.add_argument("--out", type=Path, default=HERE / "continued")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=${text(training['batchSize'])})
    parser.add_argument("--lr", type=float, default=${learningRate})
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(${kind === 'merged' ? 'HERE' : 'arguments.base'})
    model = ${load}
    if arguments.train:
        train(model, tokenizer, arguments)
    print(answer(model, tokenizer, *arguments.text[:2]))
`;
}
