/**
 * Column sums over tokens: bias and scale gradients.
 *
 *     sum[j] = Σ_i a[i, j]        dot[j] = Σ_i a[i, j] · b[i, j]
 *
 * Two passes without atomics: chunks of rows to partial sums, then partial sums to the result, both in a fixed order.
 */
import { grid, matrixShape, type GraphBuilder, type KernelCall, type Operation, type Tensor } from '../tensor';

const chunkRows = 64;

/** One dispatch that adds `parts` arrays of `count` values: `y[j] = scale · Σ_p partial[p, j]`. */
export function sumPartials(partial: Tensor, y: Tensor, parts: number, count: number, scale = 1): KernelCall {
  return {
    shader: 'sum-partials',
    constants: { WORKGROUP: 64 },
    bindings: { partial, y },
    params: { parts, count, scale },
    workgroups: grid(Math.ceil(count / 64)),
    flops: parts * count,
  };
}

type Sums = {
  sum?: Tensor | undefined;
  dot?: Tensor | undefined;
  sumPartial?: Tensor | undefined;
  dotPartial?: Tensor | undefined;
};

const columnReduceOperation: Operation<{ a: Tensor; b?: Tensor | undefined }, object, Sums> = {
  name: 'columnReduce',
  reference: ({ inputs }, values) => {
    const [rows, columns] = matrixShape(inputs.a);
    const a = values(inputs.a);
    const b = inputs.b && values(inputs.b);
    const [sum, dot] = [new Float64Array(columns), new Float64Array(columns)];
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        sum[j]! += a[i * columns + j]!;
        dot[j]! += a[i * columns + j]! * (b?.[i * columns + j] ?? 0);
      }
    return { sum, dot };
  },
  lower: ({ inputs, outputs }) => {
    const [rows, columns] = matrixShape(inputs.a);
    const chunks = Math.ceil(rows / chunkRows);
    const { sum, dot, sumPartial, dotPartial } = outputs;
    const calls: KernelCall[] = [
      {
        shader: 'column-reduce',
        constants: { WORKGROUP: 64, CHUNK: chunkRows, HAS_SUM: sum !== undefined, HAS_DOT: dot !== undefined },
        bindings: { ...inputs, ...(sum && { sum: sumPartial ?? sum }), ...(dot && { dot: dotPartial ?? dot }) },
        params: { rows, columns, chunks },
        workgroups: grid(Math.ceil(columns / 64) * chunks),
        flops: rows * columns * ((sum ? 1 : 0) + (dot ? 2 : 0)),
      },
    ];
    if (sum && sumPartial) calls.push(sumPartials(sumPartial, sum, chunks, columns));
    if (dot && dotPartial) calls.push(sumPartials(dotPartial, dot, chunks, columns));
    return calls;
  },
};

/** Sums over rows of `a [rows, columns]`, and of `a ⊙ with` where given. @returns `sum` and `dot`, each `[columns]`, as asked */
export function columnReduce(
  graph: GraphBuilder,
  a: Tensor,
  options: { with?: Tensor | undefined; sum: boolean },
): Pick<Sums, 'sum' | 'dot'> {
  const [rows, columns] = matrixShape(a);
  const chunks = Math.ceil(rows / chunkRows);
  const shapes = { total: [columns], ...(chunks > 1 && { partial: [chunks, columns] }) };
  return graph.apply(
    columnReduceOperation,
    { a, b: options.with },
    {},
    {
      ...(options.sum && { sum: shapes.total, sumPartial: shapes.partial }),
      ...(options.with && { dot: shapes.total, dotPartial: shapes.partial }),
    },
  );
}
