/** From what the device gives to values of tokens, on the host in float64: relations, attention, rollout, quadrature. */

/** Rows of a matrix, `[rows, columns]`. */
const rowOf = (matrix: Float32Array, row: number, columns: number) =>
  matrix.subarray(row * columns, (row + 1) * columns);

/** The mean of rows `from … to`, the last one included. */
export function meanRow(matrix: Float32Array, columns: number, from: number, to: number): Float64Array {
  const mean = new Float64Array(columns);
  for (let row = from; row <= to; row++)
    rowOf(matrix, row, columns).forEach((value, j) => (mean[j]! += value / (to - from + 1)));
  return mean;
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, first, second] = [0, 0, 0];
  for (let j = 0; j < a.length; j++) {
    product += a[j]! * b[j]!;
    first += a[j]! ** 2;
    second += b[j]! ** 2;
  }
  const norm = Math.sqrt(first * second);
  return norm > 0 ? product / norm : 0;
}

/** Cosine of a state with each of the first `count` rows of a matrix. */
export const relations = (state: ArrayLike<number>, matrix: Float32Array, count: number): number[] =>
  Array.from({ length: count }, (_, row) => cosine(state, rowOf(matrix, row, state.length)));

/**
 * Attention rollout: `A = ½ P + ½ I`, rows normalised, multiplied through the layers from the last down; only the rows asked for are
 * followed.
 *
 * @param layers `[length, length]` each, heads averaged, the first layer first
 * @param count real tokens
 * @returns the mean over rows `from … to`, `[count]`
 */
export function rollout(
  layers: readonly Float32Array[],
  length: number,
  count: number,
  from: number,
  to: number,
): number[] {
  let row = new Float64Array(count);
  for (let i = from; i <= to; i++) row[i] = 1 / (to - from + 1);
  for (const attention of [...layers].reverse()) {
    const next = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      if (row[i] === 0) continue;
      let sum = 0;
      for (let j = 0; j < count; j++) sum += attention[i * length + j]!;
      // Half of the residual's own weight and half of the attention's, over their sum.
      const share = row[i]! / (1 + sum);
      for (let j = 0; j < count; j++) next[j]! += share * attention[i * length + j]!;
      next[i]! += share;
    }
    row = next;
  }
  return Array.from(row);
}

/** Nodes and weights of the Gauss-Legendre rule on [0, 1]: exact for polynomials of degree 2 n - 1. Newton's method on P_n. */
export function gaussLegendre(n: number): { nodes: number[]; weights: number[] } {
  const nodes: number[] = [];
  const weights: number[] = [];
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let turn = 0; turn < 100; turn++) {
      let [value, before] = [1, 0];
      for (let k = 0; k < n; k++) [value, before] = [((2 * k + 1) * x * value - k * before) / (k + 1), value];
      slope = (n * (x * value - before)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    nodes.push((1 - x) / 2);
    weights.push(1 / ((1 - x * x) * slope * slope));
  }
  return { nodes, weights };
}
