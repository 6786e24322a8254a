import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { adapterFiles, readAdapter, type AdapterConfig } from './adapter-files';
import { folderSource } from './node';
import { readSafetensors, writeSafetensors } from './safetensors';
import { memorySource } from './source';

const fixture = (name: string) => fileURLToPath(new URL(`../../reference/fixtures/${name}`, import.meta.url));
const peft = folderSource(fixture('peft-lora-roberta'));
const peftFiles = new Map(
  ['adapter_config.json', 'adapter_model.safetensors'].map((name) => [
    name,
    new Uint8Array(readFileSync(`${fixture('peft-lora-roberta')}/${name}`)),
  ]),
);
const configOf = (files: ReadonlyMap<string, Uint8Array>) =>
  JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as Record<string, unknown>;
describe('readAdapter', () => {
  it('reads what PEFT wrote', async () => {
    const { config, tensors } = await readAdapter(peft);
    expect(config).toMatchObject({
      peft_type: 'LORA',
      r: 4,
      task_type: 'SEQ_CLS',
      fan_in_fan_out: false,
      lora_dropout: 0,
    });
    expect(config['target_modules']).toEqual(expect.arrayContaining(['query', 'value']));
    expect(config['modules_to_save']).toContain('classifier');
    const query = 'roberta.encoder.layer.1.attention.self.query';
    expect(tensors.get(`${query}.lora_A.weight`)!.shape).toEqual([4, 32]);
    expect(tensors.get(`${query}.lora_B.weight`)!.shape).toEqual([32, 4]);
    expect(tensors.get('classifier.out_proj.bias')!.shape).toEqual([2]);
    expect(tensors.size).toBe(12);
  });

  it('reads a HUT folder', async () => {
    const { config, tensors } = await readAdapter(folderSource(fixture('hut-adapter-roberta')));
    expect(config).toMatchObject({
      peft_type: 'HUT',
      r: 4,
      target_modules: ['query', 'value'],
      modules_to_save: ['classifier'],
    });
    expect(tensors.get('roberta.encoder.layer.0.attention.self.value.hut_A')!.shape).toEqual([32, 4]);
  });

  it('refuses tensors that are no adapter’s, or come as pickles', async () => {
    const { tensors } = readSafetensors(peftFiles.get('adapter_model.safetensors')!);
    const read = (change: (copy: typeof tensors) => void) => {
      const copy = new Map(tensors);
      change(copy);
      return readAdapter(
        memorySource(new Map([...peftFiles, ['adapter_model.safetensors', writeSafetensors(copy)]]), 'x'),
      );
    };
    const [, tensor] = [...tensors].find(([key]) => key.endsWith('lora_A.weight'))!;
    await expect(read((copy) => void copy.set('roberta.x', tensor))).rejects.toThrow(/is it an adapter\?/);
    const pickled = new Map([
      ['adapter_config.json', peftFiles.get('adapter_config.json')!],
      ['adapter_model.bin', tensor.data],
    ]);
    await expect(readAdapter(memorySource(pickled, 'x'))).rejects.toMatchObject({ code: 'adapter/other-format' });
    await expect(readAdapter(memorySource(new Map(), 'x'))).rejects.toThrow('x has no file adapter_config.json');
  });
});

describe('adapterFiles', () => {
  it('writes what PEFT wrote: the same tensors, byte for byte, and the same config', async () => {
    const adapter = await readAdapter(peft);
    const files = adapterFiles(adapter);
    expect(Buffer.compare(files.get('adapter_model.safetensors')!, peftFiles.get('adapter_model.safetensors')!)).toBe(
      0,
    );
    const [ours, theirs] = [configOf(files), configOf(peftFiles)];
    expect(theirs).toMatchObject(ours);
    expect(Object.keys(ours)).toEqual(Object.keys(ours).sort());
    expect(await readAdapter(memorySource(files))).toEqual(adapter);
  });

  it('writes HUT adapters, and f16 on demand', async () => {
    const config: AdapterConfig = {
      peft_type: 'HUT',
      r: 2,
      target_modules: ['query'],
      modules_to_save: ['classifier'],
    };
    const tensors = new Map([['q.hut_gamma', { shape: [3], data: Float32Array.of(1, 0.1, -2) }]]);
    const read = await readAdapter(memorySource(adapterFiles({ config, tensors, dtype: 'F16' })));
    expect(read.config).toMatchObject(config);
    expect(read.tensors.get('q.hut_gamma')!.data).toEqual(Float32Array.of(1, 0.0999755859375, -2));
    const large = new Map([['q.hut_gamma', { shape: [1], data: Float32Array.of(1e6) }]]);
    expect(() => adapterFiles({ config, tensors: large, dtype: 'F16' })).toThrow(/q\.hut_gamma holds 1000000/);
  });
});
