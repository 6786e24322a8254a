import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device';
import { DeviceMemory, Executable } from './executable';
import { Graph } from './graph';
import { interpret } from './interpret';
import { activation, add } from './ops/elementwise';
import { linear } from './ops/linear';
import { ParameterLayout } from './parameter-layout';
import { compile, defaultChoice } from './plan';
import { elements, type KernelChoice } from './tensor';
import { linearVariants, staticChoice } from './variants';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

/** All that an epilogue can have (`kn`: what compiles fast), on sizes that end within a tile. */
function trace(layout: 'nk' | 'kn', [rows, inner, columns]: readonly [number, number, number], halfWeights: boolean) {
  const graph = new Graph();
  const x = graph.input('x', [rows, inner]);
  const weight = graph.weight('w', layout === 'nk' ? [columns, inner] : [inner, columns], halfWeights ? 'f16' : 'f32');
  const scales = { rowScale: graph.input('rowScale', [inner]), columnScale: graph.input('columnScale', [columns]) };
  const main = linear(graph, { x, weight, bias: graph.weight('b', [columns]), ...scales }, { layout, alpha: 0.5 });
  if (layout === 'kn') return { graph, y: main };
  const pair = linear(graph, { x: graph.input('u', [rows, 4]), weight: graph.input('v', [columns, 4]) });
  const y = add(graph, activation(graph, add(graph, main, pair), 'gelu'), graph.input('residual', [rows, columns]));
  return { graph, y };
}

/** Exact in f16 and in f32. */
const value = (i: number) => (((i * 2654435761) % 127) - 63) / 64;
const asHalf = (x: number) => {
  const [float, bits] = [new Float32Array([x]), new Uint32Array(1)];
  bits.set(new Uint32Array(float.buffer));
  return x === 0
    ? 0
    : ((bits[0]! >>> 16) & 0x8000) | ((((bits[0]! >>> 23) & 0xff) - 112) << 10) | ((bits[0]! >>> 13) & 0x3ff);
};

async function compute(
  choice: KernelChoice,
  layout: 'nk' | 'kn',
  size: readonly [number, number, number],
  halfWeights = false,
) {
  const { graph, y } = trace(layout, size, halfWeights);
  const given = new Map(
    [...graph.named('input'), ...graph.named('weight')].map((tensor, i) => [
      tensor.name,
      Float32Array.from({ length: elements(tensor.shape) }, (_, j) => value(j * 7 + i * 1009 + 1)),
    ]),
  );
  const expected = interpret([...graph.nodes], given).get(y)!;
  const program = compile(graph, { y }, new Map(), new ParameterLayout(), { choice });
  const memory = new DeviceMemory(gpu);
  for (const { name, dataType } of program.weights) {
    const values = given.get(name)!;
    memory.uploadWeight(name, dataType === 'f16' ? Uint16Array.from(values, asHalf) : values);
  }
  const executable = await Executable.create(memory, program, memory.flatBuffers(new ParameterLayout()));
  for (const { name } of program.inputs) executable.write(name, given.get(name)!);
  executable.run();
  const actual = await executable.read(y);
  executable.dispose();
  memory.dispose();
  return { actual, expected, shaders: program.calls.map((call) => call.shader) };
}

const withLinear = (variant: (typeof linearVariants)[keyof typeof linearVariants]): KernelChoice => ({
  ...defaultChoice,
  linear: () => variant,
});
const names = Object.keys(linearVariants) as (keyof typeof linearVariants)[];

describe('variants of linear', () => {
  for (const layout of ['nk', 'kn'] as const) {
    it(`register tiles agree bit for bit, ${layout}`, async () => {
      const blocks = names.filter(
        (name) => name.startsWith('block') || (name.startsWith('quad') && gpu.features.has('subgroups')),
      );
      expect(blocks.length).toBeGreaterThan(4);
      const results = [];
      for (const name of blocks) results.push(await compute(withLinear(linearVariants[name]), layout, [37, 20, 84]));
      for (const [i, { actual }] of results.entries()) expect(actual, blocks[i]).toEqual(results[0]!.actual);
    });
    it(`shared tiles against float64, ${layout}`, async () => {
      const cases = [
        ['tiled 64×64', [5, 8, 12], true],
        ['tiled 64×64', [131, 44, 140], false],
        ['tiled 128×64', [131, 20, 68], false],
        ['tiled 128×128', [131, 20, 140], false],
      ] as const;
      for (const [name, size, halfWeights] of cases) {
        const { actual, expected, shaders } = await compute(
          withLinear(linearVariants[name]),
          layout,
          size,
          halfWeights,
        );
        expect(shaders).toContain('linear-tiled');
        const scale = Math.max(...expected.map(Math.abs));
        const worst = actual.reduce((most, each, i) => Math.max(most, Math.abs(each - expected[i]!)), 0);
        expect(worst / scale, `${name} ${size.join('×')}`).toBeLessThan(2e-6);
      }
    });
  }
});

describe('the choice by rule', () => {
  const shape = { rows: 512, inner: 768, columns: 768, layout: 'nk', halfWeights: false } as const;
  it('shares no memory on a software adapter, and does on a GPU', () => {
    expect(staticChoice({ software: true }).linear(shape).shader).toBe('linear');
    expect(staticChoice({ software: true, subgroups: true }).linear(shape).shader).toBe('linear-quad');
    expect(staticChoice({ software: false }).linear(shape).shader).toBe('linear-tiled');
  });
  it('gives thin products no wider tiles than they have columns', () => {
    for (const software of [true, false])
      expect(staticChoice({ software }).linear({ ...shape, columns: 8 }).tile[1]).toBeLessThanOrEqual(8);
  });
});
