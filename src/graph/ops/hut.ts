/**
 * The two pieces of HUT (arXiv 2409.13501, Eq. 8-10) that are not a matmul.
 *
 * `hutFactors` turns the trained matrices into what a linear layer applies: `m_A`, `c = γ ⊙ m_B` and `b + β`, where `m_A` and `m_B`
 * are the means over the rank. `hutTransform` is Eq. 10 literally, `W_new = diag(m_A) W0 diag(c)`: the materialised form.
 */
import {
  elements,
  grid,
  isFrozen,
  matrixShape,
  weightConstants,
  type GraphBuilder,
  type KernelCall,
  type Operation,
  type Tensor,
  type TensorMap,
  type Values,
} from '../tensor';

const mean = (values: Float64Array, start: number, stride: number, count: number) => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[start + i * stride]!;
  return sum / count;
};

type FactorGradientInputs = {
  b: Tensor;
  gamma: Tensor;
  dRowScale?: Tensor | undefined;
  dColumnScale?: Tensor | undefined;
};
/** `dA` where `dRowScale` is given, the others where `dColumnScale` is. */
type FactorGradients = { dA?: Tensor | undefined; dB?: Tensor | undefined; dGamma?: Tensor | undefined };

const hutFactorsGradientOperation: Operation<FactorGradientInputs, object, FactorGradients> = {
  name: 'hutFactorsGradient',
  reference: ({ inputs, outputs }, values) => {
    const [rank, columns] = matrixShape(inputs.b);
    const [b, gamma] = [values(inputs.b), values(inputs.gamma)];
    const dRow = inputs.dRowScale && values(inputs.dRowScale);
    const dColumn = inputs.dColumnScale && values(inputs.dColumnScale);
    const dA =
      outputs.dA &&
      dRow &&
      Float64Array.from({ length: elements(outputs.dA.shape) }, (_, i) => dRow[Math.floor(i / rank)]! / rank);
    if (!dColumn) return { dA };
    return {
      dA,
      dB: Float64Array.from({ length: rank * columns }, (_, i) => (dColumn[i % columns]! * gamma[i % columns]!) / rank),
      dGamma: Float64Array.from({ length: columns }, (_, j) => dColumn[j]! * mean(b, j, columns, rank)),
    };
  },
  lower: ({ inputs, outputs: { dA, dB, dGamma } }) => {
    const [rank, columns] = matrixShape(inputs.b);
    const rows = dA ? matrixShape(dA)[0] : 0;
    return [
      {
        shader: 'hut-factors-gradient',
        constants: { WORKGROUP: 64, ROWS: dA !== undefined, COLUMNS: dB !== undefined },
        bindings: { ...inputs, dA, dB, dGamma },
        params: { rows, columns, rank },
        workgroups: grid(Math.ceil(Math.max(rows, dB ? columns : 0) / 64)),
        flops: (dB ? 3 * rank * columns : 0) + rows * rank,
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
    const { dA, dB, dGamma } =
      rowScale || columnScale
        ? graph.apply(
            hutFactorsGradientOperation,
            { b, gamma, dRowScale: rowScale, dColumnScale: columnScale },
            {},
            { ...(rowScale && { dA: a.shape }), ...(columnScale && { dB: b.shape, dGamma: gamma.shape }) },
          )
        : {};
    return { a: dA, b: dB, gamma: dGamma, beta: shift, bias: shift };
  },
  lower: ({ inputs, outputs }) => {
    const [rows, rank] = matrixShape(inputs.a);
    const [, columns] = matrixShape(inputs.b);
    return [
      {
        shader: 'hut-factors',
        constants: {
          WORKGROUP: 64,
          HAS_BIAS: inputs.bias !== undefined,
          FROZEN_BIAS: inputs.bias !== undefined && isFrozen(inputs.bias),
        },
        bindings: { ...inputs, ...outputs },
        params: { rows, columns, rank },
        workgroups: grid(Math.ceil(Math.max(rows, columns) / 64)),
        flops: rows * rank + rank * columns + 4 * columns,
      },
    ];
  },
};

/** @param inputs `a [in, rank]`, `b [rank, out]`, `gamma`, `beta`, and the layer's own `bias`, frozen or trained, `[out]` */
export function hutFactors(graph: GraphBuilder, inputs: FactorInputs): HutFactors {
  const [[rows], [, columns]] = [matrixShape(inputs.a), matrixShape(inputs.b)];
  return graph.apply(hutFactorsOperation, inputs, {}, { rowScale: [rows], columnScale: [columns], shift: [columns] });
}

type Layout = 'nk' | 'kn';
type TransformInputs = { weight: Tensor; rowScale?: Tensor | undefined; columnScale?: Tensor | undefined };
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
      ...weightConstants(weight),
      HAS_ROW_SCALE: inputs.rowScale !== undefined,
      HAS_COLUMN_SCALE: inputs.columnScale !== undefined,
    },
    bindings: { ...inputs, ...bindings },
    params: { first, second },
    workgroups: grid(Math.ceil((gradient ? first + second : first * second) / 64)),
    flops: (gradient ? 6 : 2) * first * second,
  };
}

/** The scales at a position of a matrix stored by `layout`; 1 where there is none. */
function scalesAt({ weight, ...inputs }: TransformInputs, { layout }: TransformAttributes, values: Values) {
  const [, second] = matrixShape(weight);
  const [row, column] = [inputs.rowScale && values(inputs.rowScale), inputs.columnScale && values(inputs.columnScale)];
  return (at: number) => {
    const [p, q] = [Math.floor(at / second), at % second];
    const [input, output] = layout === 'nk' ? [q, p] : [p, q];
    return { input, output, row: row?.[input] ?? 1, column: column?.[output] ?? 1 };
  };
}

const hutTransformGradientOperation: Operation<TransformInputs & { dW: Tensor }, TransformAttributes, ScaleGradients> =
  {
    name: 'hutTransformGradient',
    reference: ({ inputs, attributes, outputs }, values) => {
      const scales = scalesAt(inputs, attributes, values);
      const dw = values(inputs.dW);
      const dRowScale = new Float64Array(elements(outputs.dRowScale.shape));
      const dColumnScale = new Float64Array(elements(outputs.dColumnScale.shape));
      values(inputs.weight).forEach((value, at) => {
        const { input, output, row, column } = scales(at);
        dRowScale[input]! += dw[at]! * value * column;
        dColumnScale[output]! += dw[at]! * value * row;
      });
      return { dRowScale, dColumnScale };
    },
    lower: ({ inputs, attributes, outputs }) => [transformCall(inputs, attributes, outputs, true)],
  };

const hutTransformOperation: Operation<TransformInputs, TransformAttributes, { y: Tensor }> = {
  name: 'hutTransform',
  reference: ({ inputs, attributes }, values) => {
    const scales = scalesAt(inputs, attributes, values);
    return {
      y: values(inputs.weight).map((value, at) => {
        const { row, column } = scales(at);
        return value * row * column;
      }),
    };
  },
  vjp: (graph, { inputs, attributes }, { y: dW }) => {
    if (!dW) return {};
    const { weight, rowScale, columnScale } = inputs;
    const [first, second] = matrixShape(weight);
    const [rows, columns] = attributes.layout === 'nk' ? [second, first] : [first, second];
    const { dRowScale, dColumnScale } = graph.apply(hutTransformGradientOperation, { ...inputs, dW }, attributes, {
      dRowScale: [rows],
      dColumnScale: [columns],
    });
    return {
      rowScale: dRowScale,
      columnScale: dColumnScale,
      weight: hutTransform(graph, dW, { rowScale, columnScale }, attributes.layout),
    };
  },
  lower: ({ inputs, attributes, outputs }) => [transformCall(inputs, attributes, outputs, false)],
};

/**
 * Eq. 10: `W_new = diag(m_A) W0 diag(γ ⊙ m_B)`, in the weight's own layout. Also what a weight's gradient goes through where the layer
 * scales its rows or columns; a scale that is left out is 1.
 */
export function hutTransform(
  graph: GraphBuilder,
  weight: Tensor,
  { rowScale, columnScale }: Partial<Pick<HutFactors, 'rowScale' | 'columnScale'>>,
  layout: Layout,
): Tensor {
  return graph.apply(hutTransformOperation, { weight, rowScale, columnScale }, { layout }, { y: weight.shape }).y;
}
