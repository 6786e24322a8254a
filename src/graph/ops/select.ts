/** The first token of every row of a batch, `y[b] = x[b · length]`, and its gradient, zero elsewhere. */
import { elements, grid, type GraphBuilder, type Node, type Operation, type Tensor } from '../tensor';

const lowerSelect = ({ inputs, attributes, outputs }: Node, gradient: boolean) => {
  const { x, y } = { ...inputs, ...outputs } as { x: Tensor; y: Tensor };
  const count = elements(y.shape);
  return [
    {
      shader: 'select-rows',
      constants: { WORKGROUP: 64, GRADIENT: gradient },
      bindings: { x, y },
      params: { count, columns: x.shape[1]!, stride: Number(attributes['stride']) },
      workgroups: grid(Math.ceil(count / 64)),
    },
  ];
};

const selectGradientOperation: Operation = {
  name: 'selectRowsGradient',
  reference: ({ inputs, attributes, outputs }, values) => {
    const columns = inputs['x']!.shape[1]!;
    const stride = Number(attributes['stride']);
    const y = new Float64Array(elements(outputs['y']!.shape));
    values(inputs['x']!).forEach(
      (value, at) => (y[Math.floor(at / columns) * stride * columns + (at % columns)] = value),
    );
    return { y };
  },
  lower: (node) => lowerSelect(node, true),
  flops: () => 0,
};

const selectOperation: Operation = {
  name: 'selectRows',
  reference: ({ inputs, attributes, outputs }, values) => {
    const [rows, columns] = outputs['y']!.shape as [number, number];
    const stride = Number(attributes['stride']);
    const x = values(inputs['x']!);
    return {
      y: Float64Array.from(
        { length: rows * columns },
        (_, at) => x[Math.floor(at / columns) * stride * columns + (at % columns)]!,
      ),
    };
  },
  vjp: (graph, { inputs, attributes }, { y }) => ({
    x: graph.apply(selectGradientOperation, { x: y }, attributes, { y: inputs['x']!.shape })['y'],
  }),
  lower: (node) => lowerSelect(node, false),
  flops: () => 0,
};

/** @param x `[rows · stride, columns]` @returns every `stride`-th row, `[rows, columns]` */
export function selectRows(graph: GraphBuilder, x: Tensor, stride: number): Tensor {
  return graph.apply(selectOperation, { x }, { stride }, { y: [x.shape[0]! / stride, x.shape[1]!] })['y']!;
}
