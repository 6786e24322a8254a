/**
 * The two pieces of HUT (arXiv 2409.13501, Eq. 8-10) that are not a matmul.
 *
 * `hutFactors` turns the trained matrices into what a linear layer applies: `m_A`, `c = γ ⊙ m_B` and `b + β`, where `m_A` and `m_B`
 * are the means over the rank. `hutTransform` is Eq. 10 literally, `W_new = diag(m_A) W0 diag(c)`: the materialised form.
 */
import { elements, grid, type GraphBuilder, type KernelCall, type Node, type Operation, type Tensor } from '../tensor';

const mean = (values: Float64Array, start: number, stride: number, count: number) => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[start + i * stride]!;
  return sum / count;
};

const hutFactorsGradientOperation: Operation = {
  name: 'hutFactorsGradient',
  reference: ({ inputs, outputs }, values) => {
    const [rank, columns] = inputs['b']!.shape as [number, number];
    const [b, gamma, dRow, dColumn] = ['b', 'gamma', 'dRowScale', 'dColumnScale'].map((name) =>
      values(inputs[name]!),
    ) as Float64Array[];
    return {
      dA: Float64Array.from({ length: elements(outputs['dA']!.shape) }, (_, i) => dRow![Math.floor(i / rank)]! / rank),
      dB: Float64Array.from(
        { length: rank * columns },
        (_, i) => (dColumn![i % columns]! * gamma![i % columns]!) / rank,
      ),
      dGamma: Float64Array.from({ length: columns }, (_, j) => dColumn![j]! * mean(b!, j, columns, rank)),
    };
  },
  lower: ({ inputs, outputs }) => {
    const [rank, columns] = inputs['b']!.shape as [number, number];
    const rows = outputs['dA']!.shape[0]!;
    return [
      {
        shader: 'hut-factors-gradient',
        constants: { WORKGROUP: 64 },
        bindings: { ...inputs, ...outputs },
        params: { rows, columns, rank },
        workgroups: [Math.ceil(Math.max(rows, columns) / 64), 1, 1],
      },
    ];
  },
  flops: ({ inputs, outputs }) => 3 * elements(inputs['b']!.shape) + elements(outputs['dA']!.shape),
};

const hutFactorsOperation: Operation = {
  name: 'hutFactors',
  reference: ({ inputs }, values) => {
    const [rows, rank] = inputs['a']!.shape as [number, number];
    const columns = inputs['b']!.shape[1]!;
    const [a, b, gamma, beta] = ['a', 'b', 'gamma', 'beta'].map((name) => values(inputs[name]!)) as Float64Array[];
    const bias = inputs['bias'] ? values(inputs['bias']) : undefined;
    return {
      rowScale: Float64Array.from({ length: rows }, (_, i) => mean(a!, i * rank, 1, rank)),
      columnScale: Float64Array.from({ length: columns }, (_, j) => gamma![j]! * mean(b!, j, columns, rank)),
      shift: Float64Array.from({ length: columns }, (_, j) => beta![j]! + (bias?.[j] ?? 0)),
    };
  },
  vjp: (graph, { inputs }, { rowScale, columnScale, shift }) => {
    const { a, b, gamma } = inputs as { a: Tensor; b: Tensor; gamma: Tensor };
    const shapes = { dA: a.shape, dB: b.shape, dGamma: gamma.shape };
    const gradients = graph.apply(
      hutFactorsGradientOperation,
      { b, gamma, dRowScale: rowScale, dColumnScale: columnScale },
      {},
      shapes,
    );
    return { a: gradients['dA'], b: gradients['dB'], gamma: gradients['dGamma'], beta: shift };
  },
  lower: ({ inputs, outputs }) => {
    const [rows, rank] = inputs['a']!.shape as [number, number];
    const columns = inputs['b']!.shape[1]!;
    return [
      {
        shader: 'hut-factors',
        constants: { WORKGROUP: 64, HAS_BIAS: inputs['bias'] !== undefined },
        bindings: { ...inputs, ...outputs },
        params: { rows, columns, rank },
        workgroups: [Math.ceil(Math.max(rows, columns) / 64), 1, 1],
      },
    ];
  },
  flops: ({ inputs }) => elements(inputs['a']!.shape) + elements(inputs['b']!.shape) + 4 * inputs['b']!.shape[1]!,
};

export interface HutFactors {
  /** `m_A [in]` */
  rowScale: Tensor;
  /** `γ ⊙ m_B [out]` */
  columnScale: Tensor;
  /** `b + β [out]` */
  shift: Tensor;
}

/** @param inputs `a [in, rank]`, `b [rank, out]`, `gamma`, `beta`, frozen `bias` `[out]` */
export function hutFactors(
  graph: GraphBuilder,
  inputs: { a: Tensor; b: Tensor; gamma: Tensor; beta: Tensor; bias?: Tensor | undefined },
): HutFactors {
  const [rows, columns] = [inputs.a.shape[0]!, inputs.b.shape[1]!];
  const outputs = graph.apply(
    hutFactorsOperation,
    inputs,
    {},
    { rowScale: [rows], columnScale: [columns], shift: [columns] },
  );
  return outputs as unknown as HutFactors;
}

/** One dispatch of `hut-transform.wgsl`: a thread a value of `W_new`, or, for the gradient, a thread a row and a column. */
function transformCall({ inputs, attributes, outputs }: Node, gradient: boolean): KernelCall {
  const weight = inputs['weight']!;
  const [first, second] = weight.shape as [number, number];
  return {
    shader: 'hut-transform',
    constants: {
      WORKGROUP: 64,
      GRADIENT: gradient,
      NK: attributes['layout'] === 'nk',
      HALF_WEIGHTS: weight.dataType === 'f16',
    },
    bindings: { ...inputs, ...outputs },
    params: { first, second },
    workgroups: grid(Math.ceil((gradient ? first + second : first * second) / 64)),
  };
}

const hutTransformGradientOperation: Operation = {
  name: 'hutTransformGradient',
  reference: ({ inputs, attributes }, values) => {
    const [first, second] = inputs['weight']!.shape as [number, number];
    const [w, dw, row, column] = ['weight', 'dW', 'rowScale', 'columnScale'].map((name) =>
      values(inputs[name]!),
    ) as Float64Array[];
    const [dRowScale, dColumnScale] = [new Float64Array(row!.length), new Float64Array(column!.length)];
    for (let p = 0; p < first; p++)
      for (let q = 0; q < second; q++) {
        const [input, output] = attributes['layout'] === 'nk' ? [q, p] : [p, q];
        const product = dw![p * second + q]! * w![p * second + q]!;
        dRowScale[input]! += product * column![output]!;
        dColumnScale[output]! += product * row![input]!;
      }
    return { dRowScale, dColumnScale };
  },
  lower: (node) => [transformCall(node, true)],
  flops: ({ inputs }) => 6 * elements(inputs['weight']!.shape),
};

const hutTransformOperation: Operation = {
  name: 'hutTransform',
  reference: ({ inputs, attributes }, values) => {
    const second = inputs['weight']!.shape[1]!;
    const [w, row, column] = ['weight', 'rowScale', 'columnScale'].map((name) =>
      values(inputs[name]!),
    ) as Float64Array[];
    const nk = attributes['layout'] === 'nk';
    return {
      y: w!.map(
        (value, at) =>
          value *
          row![nk ? at % second : Math.floor(at / second)]! *
          column![nk ? Math.floor(at / second) : at % second]!,
      ),
    };
  },
  vjp: (graph, { inputs, attributes }, { y }) => {
    const shapes = { dRowScale: inputs['rowScale']!.shape, dColumnScale: inputs['columnScale']!.shape };
    const gradients = graph.apply(hutTransformGradientOperation, { ...inputs, dW: y }, attributes, shapes);
    return { rowScale: gradients['dRowScale'], columnScale: gradients['dColumnScale'] };
  },
  lower: (node) => [transformCall(node, false)],
  flops: ({ inputs }) => 2 * elements(inputs['weight']!.shape),
};

/** Eq. 10: `W_new = diag(m_A) W0 diag(γ ⊙ m_B)`, in the frozen weight's own layout; an even number of values. */
export function hutTransform(graph: GraphBuilder, weight: Tensor, factors: HutFactors, layout: 'nk' | 'kn'): Tensor {
  const { rowScale, columnScale } = factors;
  return graph.apply(hutTransformOperation, { weight, rowScale, columnScale }, { layout }, { y: weight.shape })['y']!;
}
