/**
 * Parts of a matrix and their gradients, zero elsewhere: one token of every row of a batch (the first, or the last that is no padding),
 * and columns side by side.
 */
import {
  byteLength,
  elements,
  grid,
  isFrozen,
  matrixShape,
  type GraphBuilder,
  type KernelCall,
  type Node,
  type Operation,
  type Tensor,
} from '../tensor';

/** `lengths`: the last real token of each row is chosen, and not the first. */
type SelectInputs = { x: Tensor; lengths?: Tensor | undefined };
type Selection = Node<SelectInputs, { readonly stride: number }, { y: Tensor }>;

function selectCall({ inputs, attributes: { stride }, outputs: { y } }: Selection, gradient: boolean): KernelCall {
  const [, columns] = matrixShape(inputs.x);
  const count = elements(y.shape);
  return {
    shader: 'select-rows',
    constants: { WORKGROUP: 64, GRADIENT: gradient, LAST: inputs.lengths !== undefined },
    bindings: { ...inputs, y },
    params: { count, columns, stride },
    workgroups: grid(Math.ceil(count / 64)),
    flops: 0,
    ...(!gradient && { partialBytes: { x: byteLength(y) } }),
  };
}

/** Where the value of `y` at `at` lies in x. */
const placeOf = (at: number, columns: number, stride: number, lengths: Float64Array | undefined) => {
  const row = Math.floor(at / columns);
  return (row * stride + (lengths ? lengths[row]! - 1 : 0)) * columns + (at % columns);
};

const selectGradientOperation: Selection['operation'] = {
  name: 'selectRowsGradient',
  reference: ({ inputs: { x, lengths }, attributes: { stride }, outputs }, values) => {
    const [, columns] = matrixShape(x);
    const y = new Float64Array(elements(outputs.y.shape));
    const ends = lengths && values(lengths);
    values(x).forEach((value, at) => (y[placeOf(at, columns, stride, ends)] = value));
    return { y };
  },
  lower: (node) => [selectCall(node, true)],
};

const selectOperation: Selection['operation'] = {
  name: 'selectRows',
  reference: ({ inputs, attributes: { stride }, outputs }, values) => {
    const [rows, columns] = matrixShape(outputs.y);
    const x = values(inputs.x);
    const ends = inputs.lengths && values(inputs.lengths);
    return { y: Float64Array.from({ length: rows * columns }, (_, at) => x[placeOf(at, columns, stride, ends)]!) };
  },
  vjp: (graph, { inputs, attributes }, { y: dy }) =>
    dy
      ? {
          x: graph.apply(selectGradientOperation, { x: dy, lengths: inputs.lengths }, attributes, {
            y: inputs.x.shape,
          }).y,
        }
      : {},
  lower: (node) => [selectCall(node, false)],
};

/** @param x `[rows · stride, columns]` @returns every `stride`-th row, `[rows, columns]` */
export function selectRows(graph: GraphBuilder, x: Tensor, stride: number): Tensor {
  const [rows, columns] = matrixShape(x);
  return graph.apply(selectOperation, { x }, { stride }, { y: [rows / stride, columns] }).y;
}

/** @param x `[rows · stride, columns]` @param lengths `[rows]` u32, at least 1 each @returns row `lengths[b] - 1` of each stride */
export function selectLast(graph: GraphBuilder, x: Tensor, lengths: Tensor, stride: number): Tensor {
  const [rows, columns] = matrixShape(x);
  if (elements(lengths.shape) * stride !== rows) throw new Error('selectLast: lengths do not match the batch');
  return graph.apply(selectOperation, { x, lengths }, { stride }, { y: [rows / stride, columns] }).y;
}

/** Columns `from …` of a matrix, or with JOIN the other way round; a missing part is zero. */
function columnsCall(narrow: Tensor | undefined, wide: Tensor, size: number, from: number, join: boolean): KernelCall {
  const [rows, columns] = matrixShape(wide);
  const count = rows * size;
  return {
    shader: 'columns',
    constants: { WORKGROUP: 64, JOIN: join, ZERO: narrow === undefined, FROZEN: isFrozen(wide) },
    bindings: { wide, narrow },
    params: { count, size, columns, start: from },
    workgroups: grid(Math.ceil(count / 64)),
    flops: 0,
    partialBytes: { wide: 4 * count },
  };
}

const firstColumnsOperation: Operation<{ x: Tensor }, object, { y: Tensor }> = {
  name: 'firstColumns',
  reference: ({ inputs: { x }, outputs: { y } }, values) => {
    const [[, wide], [rows, size]] = [matrixShape(x), matrixShape(y)];
    const given = values(x);
    return {
      y: Float64Array.from({ length: rows * size }, (_, at) => given[Math.floor(at / size) * wide + (at % size)]!),
    };
  },
  lower: ({ inputs: { x }, outputs: { y } }) => [columnsCall(y, x, matrixShape(y)[1], 0, false)],
};

/** The first `count` columns of a frozen f32 matrix; it has no gradient. */
export function firstColumns(graph: GraphBuilder, x: Tensor, count: number): Tensor {
  const [rows, columns] = matrixShape(x);
  if (count > columns) throw new Error(`firstColumns: ${x.name} [${x.shape}] has fewer than ${count} columns`);
  return count === columns ? x : graph.apply(firstColumnsOperation, { x }, {}, { y: [rows, count] }).y;
}

/** Up to four matrices side by side. */
type Parts = { a?: Tensor | undefined; b?: Tensor | undefined; c?: Tensor | undefined; d?: Tensor | undefined };
const partNames = ['a', 'b', 'c', 'd'] as const;
type Count = { readonly count: number };

const joinColumnsOperation: Operation<Parts, Count, { y: Tensor }> = {
  name: 'joinColumns',
  reference: ({ inputs, attributes: { count }, outputs }, values) => {
    const [rows, columns] = matrixShape(outputs.y);
    const y = new Float64Array(rows * columns);
    const size = columns / count;
    for (let part = 0; part < count; part++) {
      const tensor = inputs[partNames[part]!];
      if (!tensor) continue;
      values(tensor).forEach((value, at) => (y[Math.floor(at / size) * columns + part * size + (at % size)] = value));
    }
    return { y };
  },
  lower: ({ inputs, attributes: { count }, outputs: { y } }) => {
    const size = matrixShape(y)[1] / count;
    return partNames.slice(0, count).map((name, i) => columnsCall(inputs[name], y, size, i * size, true));
  },
};

const splitColumnsOperation: Operation<{ x: Tensor }, Count, Parts> = {
  name: 'splitColumns',
  optionalOutputs: partNames,
  reference: ({ inputs, attributes: { count } }, values) => {
    const [rows, columns] = matrixShape(inputs.x);
    const x = values(inputs.x);
    const size = columns / count;
    const part = (i: number) =>
      Float64Array.from(
        { length: rows * size },
        (_, at) => x[Math.floor(at / size) * columns + i * size + (at % size)]!,
      );
    return Object.fromEntries(partNames.slice(0, count).map((name, i) => [name, part(i)]));
  },
  vjp: (graph, { inputs: { x }, attributes }, gradients) => ({
    x: graph.apply(joinColumnsOperation, gradients, attributes, { y: x.shape }).y,
  }),
  lower: ({ inputs: { x }, attributes: { count }, outputs }) => {
    const size = matrixShape(x)[1] / count;
    return partNames.flatMap((name, i) => {
      const part = outputs[name];
      return part ? [columnsCall(part, x, size, i * size, false)] : [];
    });
  },
};

/** @param x `[rows, count · columns]` @param count two to four @returns its parts side by side, each `[rows, columns]` */
export function splitColumns(graph: GraphBuilder, x: Tensor, count: number): Tensor[] {
  const [rows, columns] = matrixShape(x);
  if (columns % count || count > partNames.length)
    throw new Error(`splitColumns: ${x.name} [${x.shape}] is not split in ${count}`);
  const names = partNames.slice(0, count);
  const shapes = Object.fromEntries(names.map((name) => [name, [rows, columns / count]]));
  const parts = graph.apply(splitColumnsOperation, { x }, { count }, shapes);
  return names.map((name) => parts[name]!);
}
