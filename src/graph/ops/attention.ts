/**
 * Scaled dot-product attention over padded rows, forward and backward, without the `[length, length]` matrix in memory.
 *
 *     s_ij = q_i · k_j / √headSize        p_ij = e^{s_ij - L_i},  L_i = log Σ_j e^{s_ij}        o_i = Σ_j p_ij v_j
 *     D_i = do_i · o_i,  ds_ij = p_ij (do_i · v_j - D_i),  dq_i = Σ_j ds_ij k_j / √headSize,  dk_j, dv_j alike
 *
 * Online softmax and recomputation as in FlashAttention (Dao et al. 2022). Keys at or beyond a row's length are masked, and with
 * `causal` those after the query. Dropout falls on p.
 */
import {
  elements,
  grid,
  matrixShape,
  type AttentionVariant,
  type GraphBuilder,
  type KernelCall,
  type Node,
  type Operation,
  type Tensor,
  type TensorMap,
  type Values,
} from '../tensor';
import { dropoutParams, keeps, type DropoutAttributes } from './elementwise';

export type AttentionInputs = { q: Tensor; k: Tensor; v: Tensor; lengths: Tensor };
export type AttentionAttributes = DropoutAttributes & {
  readonly heads: number;
  readonly length: number;
  readonly causal?: boolean;
};
/** What both directions know: the same names stand in the nodes of both. */
type Setting = Pick<Node<AttentionInputs, AttentionAttributes>, 'inputs' | 'attributes'>;

function dimensions({ inputs, attributes: { heads, length } }: Setting) {
  const [tokens, hiddenSize] = matrixShape(inputs.q);
  return { tokens, hiddenSize, heads, length, batchSize: tokens / length, headSize: hiddenSize / heads };
}

interface Pair {
  readonly i: number;
  readonly j: number;
  readonly column: number;
  readonly p: number;
  readonly kept: number;
}

/** Calls `visit` with every unmasked (query row, key row, head) and its probability, after and before dropout. */
function forEachPair(setting: Setting, values: Values, visit: (pair: Pair) => void) {
  const { hiddenSize, heads, length, batchSize, headSize } = dimensions(setting);
  const { inputs, attributes } = setting;
  const { probability = 0, site = 0, causal } = attributes;
  const [q, k, lengths] = [values(inputs.q), values(inputs.k), values(inputs.lengths)];
  for (let b = 0; b < batchSize; b++)
    for (let head = 0; head < heads; head++)
      for (let query = 0; query < length; query++) {
        const [i, column] = [b * length + query, head * headSize];
        const keys = Math.min(lengths[b]!, causal ? query + 1 : length);
        const scores = Array.from({ length: keys }, (_, key) => {
          let score = 0;
          for (let c = 0; c < headSize; c++)
            score += q[i * hiddenSize + column + c]! * k[(b * length + key) * hiddenSize + column + c]!;
          return score / Math.sqrt(headSize);
        });
        const max = Math.max(...scores);
        const sum = scores.reduce((total, score) => total + Math.exp(score - max), 0);
        scores.forEach((score, key) => {
          const p = Math.exp(score - max) / sum;
          const kept =
            probability && !keeps(0, site, ((b * heads + head) * length + query) * length + key, probability)
              ? 0
              : 1 / (1 - probability);
          visit({ i, j: b * length + key, column, p, kept });
        });
      }
}

/**
 * Pairs of a query and a key that a pass visits, over all heads, at full length. With `causal` a thread (of a quad, all four) visits
 * the keys up to its last query, or the queries from its first key on.
 */
function visitedPairs(setting: Setting, { own, workgroup, quad }: AttentionVariant): number {
  const { tokens, heads, length, batchSize } = dimensions(setting);
  if (!setting.attributes.causal) return tokens * length * heads;
  const span = own * (quad ? workgroup : 1);
  let pairs = 0;
  for (let first = 0; first < length; first += span) {
    const end = Math.min(first + span, length);
    pairs += (end - first) * end;
  }
  return batchSize * heads * pairs;
}

function call(
  setting: Setting,
  shader: string,
  variant: AttentionVariant,
  flags: Record<string, boolean>,
  bindings: TensorMap,
  flopsPerPair: number,
): KernelCall {
  const { own, block, workgroup, quad } = variant;
  const { hiddenSize, heads, length, batchSize, headSize } = dimensions(setting);
  if (headSize % 4) throw new Error(`attention: head size ${headSize} is not a multiple of 4`);
  const [pairsAcross, pairsDown] = grid(heads * batchSize);
  return {
    shader,
    constants: {
      WORKGROUP: workgroup,
      OWN: own,
      BLOCK: block,
      QUAD: quad,
      HEAD_VECTORS: headSize / 4,
      CAUSAL: setting.attributes.causal === true,
      DROPOUT: Boolean(setting.attributes.probability),
      ...flags,
    },
    bindings,
    params: {
      length,
      heads,
      stride: hiddenSize / 4,
      pairs: heads * batchSize,
      pairsAcross,
      scale: 1 / Math.sqrt(headSize),
      ...dropoutParams(setting.attributes),
    },
    workgroups: [Math.ceil(length / (workgroup * own)), pairsAcross, pairsDown],
    flops: flopsPerPair * visitedPairs(setting, variant),
  };
}

type GradientInputs = AttentionInputs & { dy: Tensor; o: Tensor; logSumExp: Tensor };
type GradientOutputs = {
  dq?: Tensor | undefined;
  dk?: Tensor | undefined;
  dv?: Tensor | undefined;
  statistics: Tensor;
};

function statisticsCall({
  inputs,
  attributes,
  outputs,
}: Node<GradientInputs, AttentionAttributes, GradientOutputs>): KernelCall {
  const { tokens, heads, headSize, hiddenSize } = dimensions({ inputs, attributes });
  const { dy, o, logSumExp } = inputs;
  return {
    shader: 'attention-statistics',
    constants: { WORKGROUP: 64, HEAD_VECTORS: headSize / 4 },
    bindings: { dy, o, logSumExp, statistics: outputs.statistics },
    params: { count: tokens * heads },
    workgroups: grid(Math.ceil((tokens * heads) / 64)),
    flops: 2 * tokens * hiddenSize,
  };
}

const attentionGradientOperation: Operation<GradientInputs, AttentionAttributes, GradientOutputs> = {
  name: 'attentionGradient',
  reference: (node, values) => {
    const { hiddenSize, headSize } = dimensions(node);
    const { inputs } = node;
    const [q, k, v, dy] = [values(inputs.q), values(inputs.k), values(inputs.v), values(inputs.dy)];
    const [dq, dk, dv] = [new Float64Array(q.length), new Float64Array(q.length), new Float64Array(q.length)];
    const scale = 1 / Math.sqrt(headSize);
    const pairs: Pair[] = [];
    const delta = new Map<number, number>();
    const dp = ({ i, j, column, kept }: Pair) => {
      let sum = 0;
      for (let c = column; c < column + headSize; c++) sum += dy[i * hiddenSize + c]! * v[j * hiddenSize + c]!;
      return sum * kept;
    };
    forEachPair(node, values, (pair) => {
      pairs.push(pair);
      const row = pair.i * hiddenSize + pair.column;
      delta.set(row, (delta.get(row) ?? 0) + pair.p * dp(pair));
    });
    for (const pair of pairs) {
      const { i, j, column, p, kept } = pair;
      const ds = p * (dp(pair) - delta.get(i * hiddenSize + column)!) * scale;
      for (let c = column; c < column + headSize; c++) {
        dq[i * hiddenSize + c]! += ds * k[j * hiddenSize + c]!;
        dk[j * hiddenSize + c]! += ds * q[i * hiddenSize + c]!;
        dv[j * hiddenSize + c]! += p * kept * dy[i * hiddenSize + c]!;
      }
    }
    return { dq, dk, dv };
  },
  lower: (node, choose) => {
    const { dq, dk, dv, statistics } = node.outputs;
    const { q, k, v, dy, lengths } = node.inputs;
    const { headSize, length } = dimensions(node);
    const variant = choose.attention({ headSize, length });
    // Scores, and for each of them an exponential, differences and scales; two products more for dq or dk, one for dv.
    const flopsPerPair = (wantOwn: boolean, wantValue: boolean) =>
      2 * headSize * (1 + (wantOwn ? 2 : 0) + (wantValue ? 1 : 0)) + 6;
    const pass = (flags: { QUERIES: boolean; WANT_OWN: boolean; WANT_VALUE: boolean }, bindings: TensorMap) =>
      call(
        node,
        'attention-gradient',
        variant,
        flags,
        { statistics, lengths, ...bindings },
        flopsPerPair(flags.WANT_OWN, flags.WANT_VALUE),
      );
    const ofQueries = { own: q, across: k, ownPair: dy, acrossPair: v, dOwn: dq };
    const ofKeys = { own: k, across: q, ownPair: dk && v, acrossPair: dy, dOwn: dk, dv };
    return [
      statisticsCall(node),
      ...(dq ? [pass({ QUERIES: true, WANT_OWN: true, WANT_VALUE: false }, ofQueries)] : []),
      ...(dk || dv ? [pass({ QUERIES: false, WANT_OWN: dk !== undefined, WANT_VALUE: dv !== undefined }, ofKeys)] : []),
    ];
  },
};

export const attentionOperation: Operation<
  AttentionInputs,
  AttentionAttributes,
  { o: Tensor; logSumExp?: Tensor | undefined }
> = {
  name: 'attention',
  optionalOutputs: ['logSumExp'],
  reference: (node, values) => {
    const { hiddenSize, headSize } = dimensions(node);
    const v = values(node.inputs.v);
    const o = new Float64Array(v.length);
    forEachPair(node, values, ({ i, j, column, p, kept }) => {
      for (let c = column; c < column + headSize; c++) o[i * hiddenSize + c]! += p * kept * v[j * hiddenSize + c]!;
    });
    return { o };
  },
  vjp: (graph, node, { o: dy }, wanted) => {
    if (!dy) return {};
    const { inputs, attributes, outputs } = node;
    const { tokens, heads } = dimensions(node);
    const logSumExp = graph.addOutput(node, 'logSumExp', [tokens, heads]);
    const { dq, dk, dv } = graph.apply(
      attentionGradientOperation,
      { ...inputs, dy, o: outputs.o, logSumExp },
      attributes,
      {
        ...(wanted('q') && { dq: inputs.q.shape }),
        ...(wanted('k') && { dk: inputs.k.shape }),
        ...(wanted('v') && { dv: inputs.v.shape }),
        statistics: [tokens, heads, 2],
      },
    );
    return { q: dq, k: dk, v: dv };
  },
  lower: (node, choose) => {
    const { headSize, length } = dimensions(node);
    return [
      call(
        node,
        'attention',
        choose.attention({ headSize, length }),
        { STORE_LOG_SUM_EXP: node.outputs.logSumExp !== undefined },
        { ...node.inputs, ...node.outputs },
        4 * headSize + 3,
      ),
    ];
  },
};

/**
 * @param inputs `q`, `k`, `v` `[batchSize · length, hiddenSize]`, heads side by side; `lengths [batchSize]` u32, at least 1 each
 * @returns `[batchSize · length, hiddenSize]`
 */
export function attention(graph: GraphBuilder, inputs: AttentionInputs, attributes: AttentionAttributes): Tensor {
  if (elements(inputs.lengths.shape) * attributes.length !== inputs.q.shape[0])
    throw new Error('attention: lengths do not match the batch');
  return graph.apply(attentionOperation, inputs, attributes, { o: inputs.q.shape }).o;
}
