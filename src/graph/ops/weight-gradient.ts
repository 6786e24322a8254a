/**
 * `alpha · aᵀ · b`: the gradient of a trained weight, summed over tokens.
 *
 * Tokens are many and a LoRA factor is thin, so tokens are cut into chunks that run side by side; their partial products are
 * added in a fixed order by a second kernel.
 */
import { grid, matrixShape, type GraphBuilder, type KernelCall, type Operation, type Tensor } from '../tensor';
import { sumPartials } from './reduce';

const tile = { rows: 4, columns: 4 };
const workgroup = 64;

/** Chunks so that a thin product still fills a device: aims at 4,096 threads. Depends on shapes only. */
function chunksFor(tokens: number, p: number, q: number): number {
  const threads = Math.ceil(p / tile.rows) * Math.ceil(q / tile.columns);
  return Math.max(1, Math.min(Math.ceil(tokens / 64), Math.ceil(4096 / threads)));
}

type Factors = { a: Tensor; b: Tensor };
type Product = { y: Tensor; partial?: Tensor | undefined };

const weightGradientOperation: Operation<Factors, { readonly alpha: number }, Product> = {
  name: 'weightGradient',
  reference: ({ inputs, attributes: { alpha } }, values) => {
    const [tokens, p] = matrixShape(inputs.a);
    const [, q] = matrixShape(inputs.b);
    const [a, b] = [values(inputs.a), values(inputs.b)];
    const y = new Float64Array(p * q);
    for (let n = 0; n < tokens; n++)
      for (let i = 0; i < p; i++) for (let j = 0; j < q; j++) y[i * q + j]! += alpha * a[n * p + i]! * b[n * q + j]!;
    return { y };
  },
  lower: ({ inputs, attributes: { alpha }, outputs: { y, partial } }) => {
    const [tokens, p] = matrixShape(inputs.a);
    const [, q] = matrixShape(inputs.b);
    const chunks = partial?.shape[0] ?? 1;
    const threads = Math.ceil(p / tile.rows) * Math.ceil(q / tile.columns);
    const main: KernelCall = {
      shader: 'weight-gradient',
      constants: { WORKGROUP: workgroup, VECTOR: p % 4 === 0 && q % 4 === 0 },
      bindings: { ...inputs, y: partial ?? y },
      params: { tokens, p, q, chunks, chunk: Math.ceil(tokens / chunks), alpha },
      workgroups: grid(Math.ceil(threads / workgroup) * chunks),
      flops: 2 * tokens * p * q,
    };
    return partial ? [main, sumPartials(partial, y, chunks, p * q)] : [main];
  },
};

/** @param a `[tokens, p]` @param b `[tokens, q]` @returns `alpha · aᵀ b`, `[p, q]` */
export function weightGradient(graph: GraphBuilder, a: Tensor, b: Tensor, alpha = 1): Tensor {
  const [tokens, p] = matrixShape(a);
  const [, q] = matrixShape(b);
  const chunks = chunksFor(tokens, p, q);
  return graph.apply(
    weightGradientOperation,
    { a, b },
    { alpha },
    { y: [p, q], ...(chunks > 1 && { partial: [chunks, p, q] }) },
  ).y;
}
