import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { toFloat16Bits, toFloat32 } from '../checkpoint/float';
import { readJson } from '../checkpoint/json';
import { mergedModelFiles, readTokenizerFiles, type MergedModel } from './merged-files';
import { folderSource } from '../checkpoint/node';
import { readSafetensors } from '../checkpoint/safetensors';
import { memorySource } from '../checkpoint/source';

const json = (files: ReadonlyMap<string, Uint8Array>, name: string) =>
  JSON.parse(new TextDecoder().decode(files.get(name))) as Record<string, unknown>;
const model: MergedModel = {
  config: {
    model_type: 'roberta',
    hidden_size: 4,
    architectures: ['RobertaForMaskedLM'],
    torch_dtype: 'float16',
    id2label: { 0: 'x' },
  },
  className: 'RobertaForSequenceClassification',
  taskConfig: {
    id2label: { 0: 'negative', 1: 'positive' },
    label2id: { negative: 0, positive: 1 },
    num_labels: 2,
    problem_type: 'single_label_classification',
  },
  weights: new Map<string, { shape: number[]; data: Float32Array | Uint16Array }>([
    ['a', { shape: [2], data: Float32Array.of(0.1, 2) }],
    ['b', { shape: [1, 1], data: toFloat16Bits(Float32Array.of(-3)) }],
  ]),
  dtype: 'F32',
  tokenizerFiles: new Map(),
};

describe('mergedModelFiles', () => {
  it('writes weights in one dtype, and a config that says so and names the labels', () => {
    const files = mergedModelFiles(model);
    expect(json(files, 'config.json')).toEqual({
      model_type: 'roberta',
      hidden_size: 4,
      architectures: ['RobertaForSequenceClassification'],
      dtype: 'float32',
      id2label: { 0: 'negative', 1: 'positive' },
      label2id: { negative: 0, positive: 1 },
      num_labels: 2,
      problem_type: 'single_label_classification',
    });
    const { tensors, metadata } = readSafetensors(files.get('model.safetensors')!);
    expect(metadata).toEqual({ format: 'pt' });
    expect(toFloat32(tensors.get('a')!)).toEqual(Float32Array.of(0.1, 2));
    expect(tensors.get('b')).toMatchObject({ dtype: 'F32', shape: [1, 1] });

    const half = mergedModelFiles({ ...model, dtype: 'F16' });
    expect(json(half, 'config.json').dtype).toBe('float16');
    expect(readSafetensors(half.get('model.safetensors')!).tensors.get('a')).toMatchObject({ dtype: 'F16' });
  });

  it('copies the tokenizer, with a class that every loader knows', async () => {
    const bundled = folderSource(fileURLToPath(new URL('../../public/checkpoints/tiny-roberta', import.meta.url)));
    const tokenizerFiles = await readTokenizerFiles(bundled);
    expect([...tokenizerFiles.keys()]).toEqual(['tokenizer.json', 'tokenizer_config.json']);
    const copied = mergedModelFiles({ ...model, tokenizerFiles });
    for (const [name, bytes] of tokenizerFiles) expect(copied.get(name)).toEqual(bytes);

    const config = await readJson(bundled, 'tokenizer_config.json', z.record(z.string(), z.unknown()));
    const backend = new TextEncoder().encode(JSON.stringify({ ...config, tokenizer_class: 'TokenizersBackend' }));
    const source = memorySource(new Map([...tokenizerFiles, ['tokenizer_config.json', backend]]));
    const mended = mergedModelFiles({ ...model, tokenizerFiles: await readTokenizerFiles(source) });
    expect(json(mended, 'tokenizer_config.json')).toEqual(config);
  });
});
