/** Training that starts from an adapter: ours, or one that PEFT wrote. */
import { readAdapter } from '../checkpoint/adapter-files';
import type { FileSource } from '../checkpoint/source';
import { UserError } from '../errors';
import { adapterTensors, parameterLayout, type Adaptation, type Classifier } from '../peft/classifier';

/**
 * Starting values of a PEFT folder, checked against the recipe.
 *
 * @returns trained tensors by name; the head's only where the folder holds it
 * @throws UserError `adapter/mismatch`, and those of `readAdapter`
 */
export async function adapterStart(
  { method, settings }: Adaptation,
  classifier: Classifier,
  source: FileSource,
): Promise<Map<string, Float32Array>> {
  const { config, tensors } = await readAdapter(source);
  const fail = (problem: string) => new UserError('adapter/mismatch', `The adapter ${source.label} ${problem}.`);
  if (config.peft_type !== method.peftType)
    throw fail(`is ${config.peft_type}, but the recipe trains ${method.peftType}`);
  const difference = method.matches(settings, config);
  if (difference) throw fail(`has ${difference}; set the recipe's ${difference.split(' ')[0]} to that`);
  const wanted = [...parameterLayout(classifier).entries];
  const adapted = new Set(adapterTensors(classifier).map((tensor) => tensor.name));
  const values = new Map<string, Float32Array>();
  for (const [name, { shape }] of wanted) {
    const found = tensors.get(name);
    if (!found) {
      if (adapted.has(name)) throw fail(`has no tensor ${name}; its target modules differ from the recipe's`);
      continue; // a head of the checkpoint's own, or a new one
    }
    if (found.shape.join() !== shape.join())
      throw fail(`has ${name} as [${found.shape.join(', ')}], but the recipe makes it [${shape.join(', ')}]`);
    values.set(name, found.data);
  }
  const unused = [...tensors.keys()].find((name) => !values.has(name) && !name.startsWith('classifier'));
  if (unused) throw fail(`has ${unused}, which the recipe does not train; its target modules differ from the recipe's`);
  return values;
}
