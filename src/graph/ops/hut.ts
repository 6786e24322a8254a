/**
 * The two pieces of HUT (arXiv 2409.13501, Eq. 8-10) that are not a matmul.
 *
 * `hutFactors` turns the trained matrices into what a linear layer applies: `m_A`, `c = γ ⊙ m_B` and `b + β`, where `m_A` and `m_B`
 * are the means over the rank. `hutTransform` is Eq. 10 literally, `W_new = diag(m_A) W0 diag(c)`: the materialised form.
 */
import {
  elements,
  grid,
  matrixShape,
  type GraphBuilder,
  type KernelCall,
  type Operation,
  type Tensor,
  type TensorMap,
} from '../tensor';

const mean = (values: Float64Array, start: number, stride: number, count: number) => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[start + i * stride]!;
  return sum / count;
};

type FactorGradientInputs = { b: Tensor; gamma: Tensor; dRowScale: Tensor; dColumnScale: Tensor };
type FactorGradients = { dA: Tensor; dB: Tensor; dGamma: Tensor };

const hutFactorsGradientOperation: Operation<FactorGradientInputs, object, FactorGradients> = {
  name: 'hutFactorsGradient',
  reference: ({ inputs, outputs }, values) => {
    const [rank, columns] = matrixShape(inputs.b);
    const [b, gamma] = [values(inputs.b), values(inputs.gamma)];
    const [dRow, dColumn] = [values(inputs.dRowScale), values(inputs.dColumnScale)];
    return {
      dA: Float64Array.from({ length: elements(outputs.dA.shape) }, (_, i) => dRow[Math.floor(i / rank)]! / rank),
      dB: Float64Array.from({ length: rank * columns }, (_, i) => (dColumn[i % columns]! * gamma[i % columns]!) / rank),
      dGamma: Float64Array.from({ length: columns }, (_, j) => dColumn[j]! * mean(b, j, columns, rank)),
    };
  },
  lower: ({ inputs, outputs }) => {
    const [rank, columns] = matrixShape(inputs.b);
    const [rows] = matrixShape(outputs.dA);
    return [
      {
        shader: 'hut-factors-gradient',
        constants: { WORKGROUP: 64 },
        bindings: { ...inputs, ...outputs },
        params: { rows, columns, rank },
        workgroups: [Math.ceil(Math.max(rows, columns) / 64), 1, 1],
        flops: 3 * rank * columns + rows * rank,
      },
    ];
  },
};

type FactorInputs = { a: Tensor; b: Tensor; gamma: Tensor; beta: Tensor; bias?: Tensor | undefined };

export type HutFactors = {
  /** `m_A [in]` */
  rowScale: Tensor;
  /** `γ ⊙ m_B [out]` */
  columnScale: Tensor;
  /** `b + β [out]` */
  shift: Tensor;
};

const hutFactorsOperation: Operation<FactorInputs, object, HutFactors> = {
  name: 'hutFactors',
  reference: ({ inputs }, values) => {
    const [rows, rank] = matrixShape(inputs.a);
    const [, columns] = matrixShape(inputs.b);
    const [a, b, gamma, beta] = [values(inputs.a), values(inputs.b), values(inputs.gamma), values(inputs.beta)];
    const bias = inputs.bias && values(inputs.bias);
    return {
      rowScale: Float64Array.from({ length: rows }, (_, i) => mean(a, i * rank, 1, rank)),
      columnScale: Float64Array.from({ length: columns }, (_, j) => gamma[j]! * mean(b, j, columns, rank)),
      shift: Float64Array.from({ length: columns }, (_, j) => beta[j]! + (bias?.[j] ?? 0)),
    };
  },
  vjp: (graph, { inputs: { a, b, gamma } }, { rowScale, columnScale, shift }) => {
    if (!rowScale || !columnScale) return { beta: shift };
    const { dA, dB, dGamma } = graph.apply(
      hutFactorsGradientOperation,
      { b, gamma, dRowScale: rowScale, dColumnScale: columnScale },
      {},
      { dA: a.shape, dB: b.shape, dGamma: gamma.shape },
    );
    return { a: dA, b: dB, gamma: dGamma, beta: shift };
  },
  lower: ({ inputs, outputs }) => {
    const [rows, rank] = matrixShape(inputs.a);
    const [, columns] = matrixShape(inputs.b);
    return [
      {
        shader: 'hut-factors',
        constants: { WORKGROUP: 64, HAS_BIAS: inputs.bias !== undefined },
        bindings: { ...inputs, ...outputs },
        params: { rows, columns, rank },
        workgroups: [Math.ceil(Math.max(rows, columns) / 64), 1, 1],
        flops: rows * rank + rank * columns + 4 * columns,
      },
    ];
  },
};

/** @param inputs `a [in, rank]`, `b [rank, out]`, `gamma`, `beta`, frozen `bias` `[out]` */
export function hutFactors(graph: GraphBuilder, inputs: FactorInputs): HutFactors {
  const [[rows], [, columns]] = [matrixShape(inputs.a), matrixShape(inputs.b)];
  return graph.apply(hutFactorsOperation, inputs, {}, { rowScale: [rows], columnScale: [columns], shift: [columns] });
}

type Layout = 'nk' | 'kn';
type TransformInputs = { weight: Tensor; rowScale: Tensor; columnScale: Tensor };
type TransformAttributes = { readonly layout: Layout };
type ScaleGradients = { dRowScale: Tensor; dColumnScale: Tensor };

/** One dispatch of `hut-transform.wgsl`: a thread a value of `W_new`, or, for the gradient, a thread a row and a column. */
function transformCall(
  inputs: TransformInputs,
  { layout }: TransformAttributes,
  bindings: TensorMap,
  gradient: boolean,
): KernelCall {
  const { weight } = inputs;
  const [first, second] = matrixShape(weight);
  return {
    shader: 'hut-transform',
    constants: {
      WORKGROUP: 64,
      GRADIENT: gradient,
      NK: layout === 'nk',
      HALF_WEIGHTS: weight.dataType === 'f16',
    },
    bindings: { ...inputs, ...bindings },
    params: { first, second },
    workgroups: grid(Math.ceil((gradient ? first + second : first * second) / 64)),
    flops: (gradient ? 6 : 2) * first * second,
  };
}

const hutTransformGradientOperation: Operation<TransformInputs & { dW: Tensor }, TransformAttributes, ScaleGradients> =
  {
    name: 'hutTransformGradient',
    reference: ({ inputs, attributes: { layout } }, values) => {
      const [first, second] = matrixShape(inputs.weight);
      const [w, dw] = [values(inputs.weight), values(inputs.dW)];
      const [row, column] = [values(inputs.rowScale), values(inputs.columnScale)];
      const [dRowScale, dColumnScale] = [new Float64Array(row.length), new Float64Array(column.length)];
      for (let p = 0; p < first; p++)
        for (let q = 0; q < second; q++) {
          const [input, output] = layout === 'nk' ? [q, p] : [p, q];
          const product = dw[p * second + q]! * w[p * second + q]!;
          dRowScale[input]! += product * column[output]!;
          dColumnScale[output]! += product * row[input]!;
        }
      return { dRowScale, dColumnScale };
    },
    lower: ({ inputs, attributes, outputs }) => [transformCall(inputs, attributes, outputs, true)],
  };

const hutTransformOperation: Operation<TransformInputs, TransformAttributes, { y: Tensor }> = {
  name: 'hutTransform',
  reference: ({ inputs, attributes: { layout } }, values) => {
    const [, second] = matrixShape(inputs.weight);
    const [row, column] = [values(inputs.rowScale), values(inputs.columnScale)];
    const nk = layout === 'nk';
    return {
      y: values(inputs.weight).map(
        (value, at) =>
          value *
          row[nk ? at % second : Math.floor(at / second)]! *
          column[nk ? Math.floor(at / second) : at % second]!,
      ),
    };
  },
  vjp: (graph, { inputs, attributes }, { y: dW }) => {
    if (!dW) return {};
    const shapes = { dRowScale: inputs.rowScale.shape, dColumnScale: inputs.columnScale.shape };
    const { dRowScale, dColumnScale } = graph.apply(
      hutTransformGradientOperation,
      { ...inputs, dW },
      attributes,
      shapes,
    );
    return { rowScale: dRowScale, columnScale: dColumnScale };
  },
  lower: ({ inputs, attributes, outputs }) => [transformCall(inputs, attributes, outputs, false)],
};

/** Eq. 10: `W_new = diag(m_A) W0 diag(γ ⊙ m_B)`, in the frozen weight's own layout; an even number of values. */
export function hutTransform(graph: GraphBuilder, weight: Tensor, factors: HutFactors, layout: Layout): Tensor {
  const { rowScale, columnScale } = factors;
  return graph.apply(hutTransformOperation, { weight, rowScale, columnScale }, { layout }, { y: weight.shape }).y;
}
