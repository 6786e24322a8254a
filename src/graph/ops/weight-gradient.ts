/**
 * `alpha · aᵀ · b`: the gradient of a trained weight, summed over tokens.
 *
 * Tokens are many and a LoRA factor is thin, so tokens are cut into chunks that run side by side; their partial products are
 * added in a fixed order by a second kernel.
 */
import type { GraphBuilder, Operation, Tensor } from '../tensor';
import { sumPartials } from './reduce';

const tile = { rows: 4, columns: 4 };
const workgroup = 64;

/** Chunks so that a thin product still fills a device: aims at 4,096 threads. Depends on shapes only. */
function chunksFor(tokens: number, p: number, q: number): number {
  const threads = Math.ceil(p / tile.rows) * Math.ceil(q / tile.columns);
  return Math.max(1, Math.min(Math.ceil(tokens / 64), Math.ceil(4096 / threads)));
}

const weightGradientOperation: Operation = {
  name: 'weightGradient',
  reference: ({ inputs, attributes }, values) => {
    const [tokens, p] = inputs['a']!.shape as [number, number];
    const q = inputs['b']!.shape[1]!;
    const [a, b] = [values(inputs['a']!), values(inputs['b']!)];
    const y = new Float64Array(p * q);
    for (let n = 0; n < tokens; n++)
      for (let i = 0; i < p; i++)
        for (let j = 0; j < q; j++) y[i * q + j]! += Number(attributes['alpha']) * a[n * p + i]! * b[n * q + j]!;
    return { y };
  },
  lower: ({ inputs, attributes, outputs }) => {
    const [tokens, p] = inputs['a']!.shape as [number, number];
    const q = inputs['b']!.shape[1]!;
    const chunks = outputs['partial']?.shape[0] ?? 1;
    const threads = Math.ceil(p / tile.rows) * Math.ceil(q / tile.columns);
    const alpha = Number(attributes['alpha']);
    const main = {
      shader: 'weight-gradient',
      constants: { WORKGROUP: workgroup, VECTOR: p % 4 === 0 && q % 4 === 0 },
      bindings: { ...inputs, y: outputs['partial'] ?? outputs['y']! },
      params: { tokens, p, q, chunk: Math.ceil(tokens / chunks), alpha },
      workgroups: [Math.ceil(threads / workgroup), chunks, 1] as const,
    };
    return chunks === 1 ? [main] : [main, sumPartials(outputs['partial']!, outputs['y']!, chunks, p * q)];
  },
  flops: ({ inputs, outputs }) => {
    const [tokens, p] = inputs['a']!.shape as [number, number];
    return (2 * tokens + (outputs['partial']?.shape[0] ?? 0)) * p * inputs['b']!.shape[1]!;
  },
};

/** @param a `[tokens, p]` @param b `[tokens, q]` @returns `alpha · aᵀ b`, `[p, q]` */
export function weightGradient(graph: GraphBuilder, a: Tensor, b: Tensor, alpha = 1): Tensor {
  const [tokens, p] = a.shape as [number, number];
  const q = b.shape[1]!;
  const chunks = chunksFor(tokens, p, q);
  return graph.apply(
    weightGradientOperation,
    { a, b },
    { alpha },
    { y: [p, q], ...(chunks > 1 && { partial: [chunks, p, q] }) },
  )['y']!;
}
