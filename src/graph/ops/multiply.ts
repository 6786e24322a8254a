/** The Hadamard product: vectors of scales, or a weight and what multiplies its cells. */
import { elements, grid, weightConstants, type GraphBuilder, type Operation, type Tensor } from '../tensor';

const multiplyOperation: Operation<{ a: Tensor; b: Tensor }, object, { y: Tensor }> = {
  name: 'multiply',
  reference: ({ inputs }, values) => {
    const b = values(inputs.b);
    return { y: values(inputs.a).map((a, i) => a * b[i]!) };
  },
  vjp: (graph, { inputs: { a, b } }, { y: dy }, wanted) => ({
    a: dy && wanted('a') ? multiply(graph, dy, b) : undefined,
    b: dy && wanted('b') ? multiply(graph, dy, a) : undefined,
  }),
  lower: ({ inputs: { a, b }, outputs: { y } }) => {
    const count = elements(y.shape);
    return [
      {
        shader: 'multiply',
        constants: { WORKGROUP: 64, ...weightConstants(b) },
        bindings: { a, weight: b, y },
        params: { count },
        workgroups: grid(Math.ceil(count / 64)),
        flops: count,
      },
    ];
  },
};

/** `a ⊙ b`, same shapes. Only `b` may be a frozen weight, f32 or f16. */
export function multiply(graph: GraphBuilder, a: Tensor, b: Tensor): Tensor {
  if (a.shape.join() !== b.shape.join())
    throw new Error(`multiply: ${a.name} is [${a.shape}], ${b.name} is [${b.shape}]`);
  return graph.apply(multiplyOperation, { a, b }, {}, { y: a.shape }).y;
}
