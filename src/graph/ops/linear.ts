/**
 * The matrix product and all that is fused around it.
 *
 *     raw = alpha · (x ⊙ rowScale) · W                       W read as `[in, out]`; stored `nk` ([out, in], torch's Linear) or `kn`
 *     y   = f(raw ⊙ columnScale + bias + alpha' · (u · v)) ⊙ g'(gate) + residual
 *
 * `rowScale` (over `in`) and `columnScale` (over `out`) are HUT's `m_A` and `γ ⊙ m_B`: the update costs O(N(d+k)) and no weight
 * is ever materialised. `u [rows, rank]` and `v` are LoRA's low-rank pair. Everything after `raw` happens in registers, in the
 * epilogue. Models write plain `linear`, `add` and `activation`; the fusion pass (`fuse.ts`) fills in the rest.
 */
import {
  grid,
  isFrozen,
  matrixShape,
  maxWorkgroups,
  weightConstants,
  type GraphBuilder,
  type LinearVariant,
  type Node,
  type Operation,
  type Tensor,
} from '../tensor';
import { activationConstants, activationFlops, activationReference, type Activation } from './elementwise';
import { hutTransform } from './hut';
import { columnReduce } from './reduce';
import { weightGradient } from './weight-gradient';

export type WeightLayout = 'nk' | 'kn';

/** What a model gives a linear layer. */
export type LinearInputs = {
  x: Tensor;
  weight: Tensor;
  rowScale?: Tensor | undefined;
  columnScale?: Tensor | undefined;
  bias?: Tensor | undefined;
};

/** And what fusion adds. */
type FusedInputs = LinearInputs & {
  u?: Tensor | undefined;
  v?: Tensor | undefined;
  gate?: Tensor | undefined;
  residual?: Tensor | undefined;
};

type LinearAttributes = {
  readonly layout: WeightLayout;
  readonly alpha?: number | undefined;
  readonly lowRankLayout?: WeightLayout;
  readonly lowRankAlpha?: number;
  readonly activation?: Activation;
  readonly gateActivation?: Activation;
};

type LinearOutputs = { y: Tensor; raw?: Tensor | undefined; preactivation?: Tensor | undefined };

export type LinearNode = Node<FusedInputs, LinearAttributes, LinearOutputs>;

function dimensions({ inputs, attributes }: Pick<LinearNode, 'inputs' | 'attributes'>) {
  const [rows, inner] = matrixShape(inputs.x);
  const columns = matrixShape(inputs.weight)[attributes.layout === 'nk' ? 0 : 1];
  return { rows, inner, columns };
}

/** Where a size is no multiple of 4. */
const scalarVariant: LinearVariant = {
  shader: 'linear-scalar',
  constants: { ROWS: 1, VECTORS: 1, THREADS_X: 8, THREADS_Y: 8 },
  tile: [8, 8],
};

const swapped = (layout: WeightLayout): WeightLayout => (layout === 'nk' ? 'kn' : 'nk');

/** FLOPs of the product and its epilogue. */
function flops(node: LinearNode): number {
  const { inputs, attributes } = node;
  const { rows, inner, columns } = dimensions(node);
  const perOutput =
    (inputs.columnScale ? 1 : 0) +
    (inputs.bias ? 1 : 0) +
    (inputs.residual ? 1 : 0) +
    2 * (inputs.u?.shape[1] ?? 0) +
    (attributes.activation ? activationFlops[attributes.activation].value : 0) +
    (attributes.gateActivation ? 1 + activationFlops[attributes.gateActivation].derivative : 0);
  // The row scale is counted as the N·d multiplications it stands for.
  return 2 * rows * inner * columns + (inputs.rowScale ? rows * inner : 0) + perOutput * rows * columns;
}

export const linearOperation: Operation<FusedInputs, LinearAttributes, LinearOutputs> = {
  name: 'linear',
  optionalOutputs: ['raw', 'preactivation'],

  reference(node, values) {
    const { inputs, attributes } = node;
    const { rows, inner, columns } = dimensions(node);
    const [x, w] = [values(inputs.x), values(inputs.weight)];
    const optional = (tensor: Tensor | undefined) => tensor && values(tensor);
    const [rowScale, columnScale, bias] = [inputs.rowScale, inputs.columnScale, inputs.bias].map(optional);
    const [u, v, gate, residual] = [inputs.u, inputs.v, inputs.gate, inputs.residual].map(optional);
    const rank = inputs.u?.shape[1] ?? 0;
    const [nk, vnk] = [attributes.layout === 'nk', attributes.lowRankLayout === 'nk'];
    const { alpha = 1, lowRankAlpha = 1 } = attributes;
    const f = attributes.activation && activationReference[attributes.activation].value;
    const g = attributes.gateActivation && activationReference[attributes.gateActivation].derivative;
    const [y, raw, preactivation] = [
      new Float64Array(rows * columns),
      new Float64Array(rows * columns),
      new Float64Array(rows * columns),
    ];
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++)
          sum += x[i * inner + k]! * (rowScale?.[k] ?? 1) * w[nk ? j * inner + k : k * columns + j]!;
        const at = i * columns + j;
        raw[at] = alpha * sum;
        let value = raw[at] * (columnScale?.[j] ?? 1) + (bias?.[j] ?? 0);
        for (let k = 0; k < rank; k++)
          value += lowRankAlpha * u![i * rank + k]! * v![vnk ? j * rank + k : k * columns + j]!;
        preactivation[at] = value;
        if (f) value = f(value);
        if (g) value *= g(gate![at]!);
        y[at] = value + (residual?.[at] ?? 0);
      }
    return { y, raw, preactivation };
  },

  vjp(graph, node, { y: dy }, wanted) {
    if (!dy) return {};
    const { inputs, attributes, outputs } = node;
    const { x, weight, rowScale, columnScale } = inputs;
    const { layout, alpha = 1 } = attributes;
    const gradients: { -readonly [Input in keyof FusedInputs]?: Tensor | undefined } = {};

    if (wanted('columnScale') || wanted('bias')) {
      const raw = wanted('columnScale') ? graph.addOutput(node, 'raw', outputs.y.shape) : undefined;
      const { sum, dot } = columnReduce(graph, dy, { with: raw, sum: wanted('bias') });
      gradients.bias = sum;
      gradients.columnScale = dot;
    }
    if (wanted('rowScale') || wanted('x')) {
      // dy·diag(c)·Wᵀ is the gradient of x ⊙ m_A: its column-wise product with x gives dm_A, its product with m_A gives dx.
      const back = linearNode(
        graph,
        { x: dy, weight, rowScale: columnScale, columnScale: wanted('x') ? rowScale : undefined },
        { layout: swapped(layout), alpha },
      );
      const { y } = back.outputs;
      if (wanted('x')) gradients.x = y;
      if (wanted('rowScale')) {
        const raw = wanted('x') && rowScale ? graph.addOutput(back, 'raw', y.shape) : y;
        gradients.rowScale = columnReduce(graph, raw, { with: x, sum: false }).dot;
      }
    }
    if (wanted('weight')) {
      const product = layout === 'nk' ? weightGradient(graph, dy, x, alpha) : weightGradient(graph, x, dy, alpha);
      // The scales of x and dy come out of the sum over tokens.
      gradients.weight =
        rowScale || columnScale ? hutTransform(graph, product, { rowScale, columnScale }, layout) : product;
    }
    return gradients;
  },

  lower(node, choose) {
    const { inputs, attributes, outputs } = node;
    const { rows, inner, columns } = dimensions(node);
    const { layout, alpha = 1, lowRankAlpha = 1 } = attributes;
    const { weight, bias } = inputs;
    const vector = inner % 4 === 0 && columns % 4 === 0;
    const variant = vector
      ? choose.linear({ rows, inner, columns, layout, halfWeights: weight.dataType === 'f16' })
      : scalarVariant;
    const flags = {
      SCALAR: !vector,
      NK: layout === 'nk',
      ...weightConstants(weight),
      HAS_ROW_SCALE: inputs.rowScale !== undefined,
      HAS_COLUMN_SCALE: inputs.columnScale !== undefined,
      HAS_BIAS: bias !== undefined,
      FROZEN_BIAS: bias !== undefined && isFrozen(bias),
      HAS_LOW_RANK: inputs.u !== undefined,
      LOW_RANK_NK: attributes.lowRankLayout === 'nk',
      HAS_RESIDUAL: inputs.residual !== undefined,
      HAS_GATE: inputs.gate !== undefined,
      HAS_ACTIVATION: attributes.activation !== undefined,
      ANY_ACTIVATION: (attributes.activation ?? attributes.gateActivation) !== undefined,
      STORE_RAW: outputs.raw !== undefined,
      STORE_PREACTIVATION: outputs.preactivation !== undefined,
      ...activationConstants(attributes.activation ?? attributes.gateActivation),
    };
    const [tileRows, tileColumns] = variant.tile;
    const [tilesAcross, tilesDown] = [Math.ceil(columns / tileColumns), Math.ceil(rows / tileRows)];
    const isFolded = Math.max(tilesAcross, tilesDown) > maxWorkgroups;
    const folded = grid(tilesAcross * tilesDown);
    return [
      {
        shader: variant.shader,
        constants: { ...variant.constants, ...flags, FOLDED: isFolded },
        bindings: { ...inputs, ...outputs },
        params: {
          rows,
          inner,
          columns,
          rank: inputs.u?.shape[1] ?? 0,
          alpha,
          lowRankAlpha,
          tilesAcross,
          groupsAcross: folded[0],
        },
        workgroups: isFolded ? folded : [tilesAcross, tilesDown, 1],
        flops: flops(node),
      },
    ];
  },
};

function linearNode(
  graph: GraphBuilder,
  inputs: LinearInputs,
  attributes: Pick<LinearAttributes, 'layout' | 'alpha'>,
): LinearNode {
  const { rows, inner, columns } = dimensions({ inputs, attributes });
  if (inputs.weight.shape[attributes.layout === 'nk' ? 1 : 0] !== inner)
    throw new Error(
      `linear: x is [${inputs.x.shape}], ${inputs.weight.name} is [${inputs.weight.shape}], ${attributes.layout}`,
    );
  return graph.applyNode(linearOperation, inputs, attributes, { y: [rows, columns] });
}

/**
 * `alpha · ((x ⊙ rowScale) · W) ⊙ columnScale + bias`.
 *
 * @param inputs `x [rows, in]`; `weight [out, in]` (`nk`) or `[in, out]` (`kn`), f32 or f16; `rowScale [in]`; `columnScale`, `bias [out]`
 * @returns `[rows, out]`
 */
export function linear(
  graph: GraphBuilder,
  inputs: LinearInputs,
  attributes: { layout?: WeightLayout; alpha?: number } = {},
): Tensor {
  return linearNode(graph, inputs, { layout: 'nk', ...attributes }).outputs.y;
}
