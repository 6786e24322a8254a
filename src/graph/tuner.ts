/**
 * Which variant of the matmul is fastest on this very GPU, by trying: each class of shapes that a run needs is timed once, and the
 * answer is remembered for the device and, by a cache that the caller keeps, for the next visit.
 *
 * On a software adapter nothing is timed. There, compiling a candidate takes longer than what a better one would save, and other
 * programs disturb any timing, while the rule of `staticChoice` is known to be right: tiles as large as the compiler bears.
 *
 * Variants may round differently, so equal runs need an equal choice: with the same cache it is the same; without one it is made
 * once per device and session. A class that the time did not suffice for keeps the rule's variant, and that is remembered too.
 */
import { adapterLabel, type AdapterIdentity, type Gpu } from '../gpu/device';
import { DeviceMemory, Executable } from './executable';
import { Graph } from './graph';
import { linear } from './ops/linear';
import { ParameterLayout } from './parameter-layout';
import { compile } from './plan';
import type { KernelChoice, LinearShape } from './tensor';
import { isThin, linearVariants, staticChoice, type LinearVariantName } from './variants';

/** Adapter label → class of shapes → name of a variant; plain JSON. What it holds is checked when it is used. */
export type TuningCache = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface TuningOptions {
  readonly cache?: TuningCache;
  /** Time to spend at most, compilation included; about, since a candidate that has started is finished. */
  readonly seconds?: number;
  /** What the device is taken for. */
  readonly identity?: AdapterIdentity;
}

const largestRows = 4096;

/** Shapes of one class are given the same variant: rows count by powers of two. */
export function shapeClass({ rows, inner, columns, layout, halfWeights }: LinearShape): string {
  return `${rowBucket(rows)}×${inner}×${columns} ${layout}${halfWeights ? ' f16' : ''}`;
}

const rowBucket = (rows: number) => Math.min(largestRows, 2 ** Math.ceil(Math.log2(Math.max(rows, 16))));

/** A choice that answers as `base` does and notes what it was asked: compile a run's programs with it to learn their shapes. */
export function recordShapes(base: KernelChoice): { choice: KernelChoice; shapes: () => LinearShape[] } {
  const seen = new Map<string, LinearShape>();
  const linearNoted = (shape: LinearShape) => {
    seen.set(shapeClass(shape), shape);
    return base.linear(shape);
  };
  return { choice: { ...base, linear: linearNoted }, shapes: () => [...seen.values()] };
}

/** Quads are for software adapters, which are not tuned, and need subgroups, which a GPU may lack. */
const isTunable = (name: string | undefined): name is LinearVariantName =>
  name !== undefined && Object.hasOwn(linearVariants, name) && !name.startsWith('quad');

function candidates(shape: LinearShape): LinearVariantName[] {
  if (isThin(shape)) return ['block 4×4 tall', 'block 8×8 tall', 'block 4×4'];
  if (shape.rows <= 16) return ['block 4×4', 'block 8×8'];
  return ['tiled 64×64', 'tiled 128×64', 'tiled 128×128', 'block 4×4', 'block 8×8'];
}

/** Seconds of one product with each variant, the best of a few turns. One that does not compile here takes for ever. */
export async function timeVariants(
  gpu: Gpu,
  shape: LinearShape,
  names: readonly LinearVariantName[],
): Promise<Map<LinearVariantName, number>> {
  const { inner, columns, layout, halfWeights } = shape;
  const memory = new DeviceMemory(gpu);
  const running = new Map<LinearVariantName, Executable>();
  const seconds = new Map<LinearVariantName, number>(names.map((name) => [name, Infinity]));
  const batch = async (executable: Executable, count: number) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) executable.run();
    await gpu.idle();
    return (performance.now() - start) / 1000 / count;
  };
  try {
    const size = layout === 'nk' ? [columns, inner] : [inner, columns];
    memory.uploadWeight('w', halfWeights ? new Uint16Array(inner * columns) : new Float32Array(inner * columns));
    const layoutOfNone = new ParameterLayout();
    const flat = memory.flatBuffers(layoutOfNone);
    for (const name of names) {
      const graph = new Graph();
      const weight = graph.weight('w', size, halfWeights ? 'f16' : 'f32');
      const y = linear(graph, { x: graph.input('x', [rowBucket(shape.rows), inner]), weight }, { layout });
      const choice = { ...staticChoice(gpu.identity), linear: () => linearVariants[name] };
      const program = compile(graph, { y }, new Map(), layoutOfNone, { choice });
      const executable = await Executable.create(memory, program, flat).catch(() => undefined);
      if (!executable) continue;
      running.set(name, executable);
      await batch(executable, 1);
    }
    // In turns, so that a clock that changes or another program's work hits all alike. About 5 ms a turn.
    for (let turn = 0; turn < 4; turn++)
      for (const [name, executable] of running) {
        const known = seconds.get(name)!;
        const count = known === Infinity ? 1 : Math.min(50, Math.max(1, Math.round(0.005 / known)));
        seconds.set(name, Math.min(known, await batch(executable, count)));
      }
  } finally {
    for (const executable of running.values()) executable.dispose();
    memory.dispose();
  }
  return seconds;
}

/** What was found on a device in this session. */
const remembered = new WeakMap<Gpu, Map<string, LinearVariantName>>();

/**
 * Chooses a variant for each of `shapes`; other shapes are answered by rule.
 *
 * @returns the choice, and the cache with what was found added, to be kept and passed in next time
 */
export async function tuneKernels(
  gpu: Gpu,
  shapes: readonly LinearShape[],
  { cache = {}, seconds = 2.5, identity = gpu.identity }: TuningOptions = {},
): Promise<{ choice: KernelChoice; cache: TuningCache }> {
  const rule = staticChoice(identity);
  if (identity.software) return { choice: rule, cache };
  const label = adapterLabel(identity);
  const known = remembered.get(gpu) ?? new Map<string, LinearVariantName>();
  remembered.set(gpu, known);
  for (const [key, name] of Object.entries(cache[label] ?? {}))
    if (!known.has(key) && isTunable(name)) known.set(key, name);

  const ruled = (shape: LinearShape) => {
    const variant = rule.linear(shape);
    return (Object.keys(linearVariants) as LinearVariantName[]).find((name) => linearVariants[name] === variant)!;
  };
  const deadline = performance.now() + seconds * 1000;
  // What takes longest is worth most: it is tried while there is time.
  const work = ({ rows, inner, columns }: LinearShape) => rowBucket(rows) * inner * columns;
  for (const shape of shapes.toSorted((a, b) => work(b) - work(a))) {
    const key = shapeClass(shape);
    // Sizes that are no multiple of 4 have one kernel only.
    if (known.has(key) || shape.inner % 4 || shape.columns % 4) continue;
    const usual = ruled(shape);
    known.set(key, usual);
    if (performance.now() >= deadline) continue;
    const timed = await timeVariants(gpu, shape, [...new Set([usual, ...candidates(shape)])]);
    const [best, time] = [...timed].reduce((fastest, entry) => (entry[1] < fastest[1] ? entry : fastest));
    // A gain within the noise is none.
    if (time < 0.93 * timed.get(usual)!) known.set(key, best);
  }
  const choose = (shape: LinearShape) => {
    const name = known.get(shapeClass(shape));
    return name ? linearVariants[name] : rule.linear(shape);
  };
  return { choice: { ...rule, linear: choose }, cache: { ...cache, [label]: Object.fromEntries(known) } };
}
