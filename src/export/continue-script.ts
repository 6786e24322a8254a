/**
 * `continue.py`: loads an export with `transformers` (and PEFT, or the method's own lines of PyTorch), answers, and trains on. What only
 * a method or a task knows comes from its file.
 */
import { exportedMethod, type ExportedMethod, type ExportInfo } from './info';

interface Parts {
  /** Imports of the standard library. */
  readonly standard?: readonly string[];
  readonly imports: readonly string[];
  readonly code: string;
  /** An expression. */
  readonly load: string;
  /** Statements. */
  readonly save: readonly string[];
}

/** How the model is loaded, and how it is saved again. */
function parts({ kind, task }: ExportInfo, { method }: ExportedMethod): Parts {
  const { autoClass, headArguments } = task.export.python;
  const base = `${autoClass}.from_pretrained(arguments.base, ${headArguments}).float()`;
  const save = 'model.save_pretrained(arguments.out)';
  if (kind === 'merged')
    return {
      imports: [],
      code: '',
      load: `${autoClass}.from_pretrained(HERE)`,
      save: [save, 'tokenizer.save_pretrained(arguments.out)'],
    };
  if (!method.python)
    return {
      imports: ['from peft import PeftModel'],
      code: '',
      load: `PeftModel.from_pretrained(${base}, HERE, is_trainable=True)`,
      save: [save],
    };
  const trained =
    'trained = {f"base_model.model.{name}": value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}';
  // Frozen tensors of the method's own stay as they were.
  const all = '{**load_file(HERE / "adapter_model.safetensors"), **trained}';
  return {
    standard: ['import shutil'],
    imports: method.python.imports,
    code: method.python.code,
    load: `load_adapter(${base}, HERE / "adapter_model.safetensors")`,
    save: [
      'arguments.out.mkdir(parents=True, exist_ok=True)',
      trained,
      `save_file(${all}, arguments.out / "adapter_model.safetensors", {"format": "pt"})`,
      'shutil.copy(HERE / "adapter_config.json", arguments.out)',
    ],
  };
}

export function continueScript(info: ExportInfo): string {
  const { results, kind, task } = info;
  const exported = exportedMethod(info);
  const { settings, method, checkpoint, onHub } = exported;
  const { standard = [], imports, code, load, save } = parts(info, exported);
  const { autoClass, texts, columns, constants, standard: taskStandard = [], code: taskCode } = task.export.python;
  const training = results.recipe['training'] as Record<string, unknown>;
  const text = JSON.stringify; // JSON strings, lists and numbers are Python's, too.
  // The merged model trains in full, which takes smaller steps than an adapter does.
  const learningRate = kind === 'merged' ? '2e-5' : text(settings['learningRate'] ?? training['learningRate']);
  // Tensors of the method's own may multiply: decay towards 0 would switch the layers off.
  const decay = kind === 'adapter' && method.python ? '0.0' : text(training['weightDecay']);
  const named = kind === 'adapter' ? (onHub ? `default=${text(checkpoint)}` : 'required=True') : undefined;
  const baseOption = named
    ? `\n    parser.add_argument("--base", ${named}, help="folder or hub id of the base checkpoint")`
    : '';
  const base = kind === 'adapter' && !onHub ? '--base FOLDER ' : '';
  const libraries = [...imports, `from transformers import ${autoClass}, AutoTokenizer`];
  return `"""Loads this export, answers a text, and trains on from it.

    python continue.py ${base}${texts.map((sample) => text(sample)).join(' ')}
    python continue.py ${base}--train more.csv      columns: ${columns}

Needs: pip install torch transformers${kind === 'adapter' && !method.python ? ' peft' : ''}
"""
import argparse
import csv
import random
${[...taskStandard, ...standard].map((line) => `${line}\n`).join('')}from pathlib import Path

import torch
${libraries.join('\n')}

HERE = Path(__file__).resolve().parent
MAX_LENGTH = ${text(training['maxLength'])}
${constants}

${[code, taskCode]
  .filter(Boolean)
  .map((part) => `${part.trim()}\n\n\n`)
  .join('')
  .trimStart()}def train(model, tokenizer, arguments):
    with open(arguments.train, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=arguments.lr, weight_decay=${decay})
    order = list(range(len(rows)))
    for epoch in range(arguments.epochs):
        random.Random(epoch).shuffle(order)
        total = 0.0
        for start in range(0, len(order), arguments.batch):
            chosen = order[start : start + arguments.batch]
            loss = batch_loss(model, tokenizer, [rows[i] for i in chosen])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, ${text(training['maxGradNorm'])} or float("inf"))
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1}: mean loss {total / len(rows):.4f}")
    ${save.join('\n    ')}
    print(f"saved to {arguments.out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("text", nargs="*", default=${text(texts)}, help="${texts.length > 1 ? 'a text and its pair' : 'a text'}")${baseOption}
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
    print(answer(model, tokenizer, *arguments.text[:${texts.length}]))
`;
}
