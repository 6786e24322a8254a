/** The first token of every row of a batch, `y[b] = x[b · length]`, and its gradient, zero elsewhere. */
import {
  byteLength,
  elements,
  grid,
  matrixShape,
  type GraphBuilder,
  type KernelCall,
  type Node,
  type Tensor,
} from '../tensor';

type Selection = Node<{ x: Tensor }, { readonly stride: number }, { y: Tensor }>;

function selectCall(
  { inputs: { x }, attributes: { stride }, outputs: { y } }: Selection,
  gradient: boolean,
): KernelCall {
  const [, columns] = matrixShape(x);
  const count = elements(y.shape);
  return {
    shader: 'select-rows',
    constants: { WORKGROUP: 64, GRADIENT: gradient },
    bindings: { x, y },
    params: { count, columns, stride },
    workgroups: grid(Math.ceil(count / 64)),
    flops: 0,
    ...(!gradient && { partialBytes: { x: byteLength(y) } }),
  };
}

const selectGradientOperation: Selection['operation'] = {
  name: 'selectRowsGradient',
  reference: ({ inputs: { x }, attributes: { stride }, outputs }, values) => {
    const [, columns] = matrixShape(x);
    const y = new Float64Array(elements(outputs.y.shape));
    values(x).forEach((value, at) => (y[Math.floor(at / columns) * stride * columns + (at % columns)] = value));
    return { y };
  },
  lower: (node) => [selectCall(node, true)],
};

const selectOperation: Selection['operation'] = {
  name: 'selectRows',
  reference: ({ inputs, attributes: { stride }, outputs }, values) => {
    const [rows, columns] = matrixShape(outputs.y);
    const x = values(inputs.x);
    return {
      y: Float64Array.from(
        { length: rows * columns },
        (_, at) => x[Math.floor(at / columns) * stride * columns + (at % columns)]!,
      ),
    };
  },
  vjp: (graph, { inputs, attributes }, { y: dy }) =>
    dy ? { x: graph.apply(selectGradientOperation, { x: dy }, attributes, { y: inputs.x.shape }).y } : {},
  lower: (node) => [selectCall(node, false)],
};

/** @param x `[rows · stride, columns]` @returns every `stride`-th row, `[rows, columns]` */
export function selectRows(graph: GraphBuilder, x: Tensor, stride: number): Tensor {
  const [rows, columns] = matrixShape(x);
  return graph.apply(selectOperation, { x }, { stride }, { y: [rows / stride, columns] }).y;
}
