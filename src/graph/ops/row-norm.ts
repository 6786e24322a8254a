/**
 * `1 / ‖W + s B A‖`, row by row: what DoRA (arXiv 2402.09353, Eq. 5) divides its magnitudes by.
 *
 * The paper's section 4.3 treats the norm as a constant in the backward pass, and so does PEFT (`tuners/lora/dora.py`): no gradient goes
 * through it, which saves the gradient of a whole weight.
 */
import { grid, weightConstants, matrixShape, type GraphBuilder, type Operation, type Tensor } from '../tensor';

type Inputs = { weight: Tensor; a: Tensor; b: Tensor };

const inverseRowNormOperation: Operation<Inputs, { readonly scale: number }, { y: Tensor }> = {
  name: 'inverseRowNorm',
  reference: ({ inputs, attributes: { scale } }, values) => {
    const [rows, inner] = matrixShape(inputs.weight);
    const [rank] = matrixShape(inputs.a);
    const [weight, a, b] = [values(inputs.weight), values(inputs.a), values(inputs.b)];
    const norm = (o: number) => {
      let sum = 0;
      for (let i = 0; i < inner; i++) {
        let product = 0;
        for (let k = 0; k < rank; k++) product += b[o * rank + k]! * a[k * inner + i]!;
        sum += (weight[o * inner + i]! + scale * product) ** 2;
      }
      return Math.sqrt(sum);
    };
    return { y: Float64Array.from({ length: rows }, (_, o) => 1 / norm(o)) };
  },
  vjp: () => ({ weight: undefined, a: undefined, b: undefined }),
  lower: ({ inputs, attributes, outputs }) => {
    const [rows, inner] = matrixShape(inputs.weight);
    const [rank] = matrixShape(inputs.a);
    return [
      {
        shader: 'row-norm',
        constants: { WORKGROUP: 64, ...weightConstants(inputs.weight) },
        bindings: { ...inputs, ...outputs },
        params: { rows, inner, rank, ...attributes },
        workgroups: grid(rows),
        flops: rows * (inner * (2 * rank + 4) + 1),
      },
    ];
  },
};

/**
 * @param inputs `weight [out, in]`, f32 or f16; `a [rank, in]`, `b [out, rank]`
 * @returns `[out]`, a constant to the backward pass
 */
export function inverseRowNorm(graph: GraphBuilder, inputs: Inputs, scale: number): Tensor {
  return graph.apply(inverseRowNormOperation, inputs, { scale }, { y: [matrixShape(inputs.weight)[0]] }).y;
}
