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
  type AttentionVariant,
  type GraphBuilder,
  type KernelCall,
  type Node,
  type Operation,
  type Tensor,
  type Values,
} from '../tensor';
import { dropoutParams, keeps } from './elementwise';

function dimensions({ inputs, attributes }: Node) {
  const [tokens, hiddenSize] = inputs['q']!.shape as [number, number];
  const [heads, length] = [Number(attributes['heads']), Number(attributes['length'])];
  return { tokens, hiddenSize, heads, length, batchSize: tokens / length, headSize: hiddenSize / heads };
}

/** Calls `visit` with every unmasked (query row, key row, head) and its probability, after and before dropout. */
function forEachPair(
  node: Node,
  values: Values,
  visit: (pair: { i: number; j: number; column: number; p: number; kept: number }) => void,
) {
  const { hiddenSize, heads, length, batchSize, headSize } = dimensions(node);
  const {
    probability = 0,
    site = 0,
    causal,
  } = node.attributes as { probability?: number; site?: number; causal?: boolean };
  const [q, k, lengths] = [values(node.inputs['q']!), values(node.inputs['k']!), values(node.inputs['lengths']!)];
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

function call(
  node: Node,
  shader: string,
  { own, block, workgroup, quad }: AttentionVariant,
  flags: Record<string, boolean>,
  bindings: Record<string, Tensor | undefined>,
): KernelCall {
  const { hiddenSize, heads, length, batchSize, headSize } = dimensions(node);
  if (headSize % 4) throw new Error(`attention: head size ${headSize} is not a multiple of 4`);
  const present = Object.entries(bindings).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  return {
    shader,
    constants: {
      WORKGROUP: workgroup,
      OWN: own,
      BLOCK: block,
      QUAD: quad,
      HEAD_VECTORS: headSize / 4,
      CAUSAL: node.attributes['causal'] === true,
      DROPOUT: Boolean(node.attributes['probability']),
      ...flags,
    },
    bindings: Object.fromEntries(present),
    params: {
      length,
      heads,
      stride: hiddenSize / 4,
      scale: 1 / Math.sqrt(headSize),
      ...dropoutParams(node.attributes),
    },
    workgroups: [Math.ceil(length / (workgroup * own)), heads, batchSize],
  };
}

function statisticsCall(node: Node): KernelCall {
  const { tokens, heads, headSize } = dimensions(node);
  const { dy, o, logSumExp } = node.inputs as { dy: Tensor; o: Tensor; logSumExp: Tensor };
  return {
    shader: 'attention-statistics',
    constants: { WORKGROUP: 64, HEAD_VECTORS: headSize / 4 },
    bindings: { dy, o, logSumExp, statistics: node.outputs['statistics']! },
    params: { count: tokens * heads },
    workgroups: grid(Math.ceil((tokens * heads) / 64)),
  };
}

const attentionGradientOperation: Operation = {
  name: 'attentionGradient',
  reference: (node, values) => {
    const { hiddenSize, headSize } = dimensions(node);
    const [q, k, v, dy] = ['q', 'k', 'v', 'dy'].map((name) => values(node.inputs[name]!)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const [dq, dk, dv] = [new Float64Array(q.length), new Float64Array(q.length), new Float64Array(q.length)];
    const scale = 1 / Math.sqrt(headSize);
    const pairs: { i: number; j: number; column: number; p: number; kept: number }[] = [];
    const delta = new Map<number, number>();
    const dp = ({ i, j, column, kept }: (typeof pairs)[number]) => {
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
    const pass = (flags: Record<string, boolean>, bindings: Record<string, Tensor | undefined>) =>
      call(node, 'attention-gradient', choose.attention(dimensions(node)), flags, { statistics, lengths, ...bindings });
    return [
      statisticsCall(node),
      ...(dq
        ? [
            pass(
              { QUERIES: true, WANT_OWN: true, WANT_VALUE: false },
              { own: q, across: k, ownPair: dy, acrossPair: v, dOwn: dq },
            ),
          ]
        : []),
      ...(dk || dv
        ? [
            pass(
              { QUERIES: false, WANT_OWN: dk !== undefined, WANT_VALUE: dv !== undefined },
              { own: k, across: q, ownPair: v, acrossPair: dy, dOwn: dk, dv },
            ),
          ]
        : []),
    ];
  },
  flops: (node) => {
    const { tokens, hiddenSize, length } = dimensions(node);
    const { dq, dk, dv } = node.outputs;
    const products = (dq ? 3 : 0) + (dk ? 3 : dv ? 1 : 0) + (dv ? 1 : 0);
    return (
      tokens * length * (2 * hiddenSize * products + 6 * Number(node.attributes['heads'])) + 2 * tokens * hiddenSize
    );
  },
};

const attentionOperation: Operation = {
  name: 'attention',
  reference: (node, values) => {
    const { hiddenSize, headSize } = dimensions(node);
    const v = values(node.inputs['v']!);
    const o = new Float64Array(v.length);
    forEachPair(node, values, ({ i, j, column, p, kept }) => {
      for (let c = column; c < column + headSize; c++) o[i * hiddenSize + c]! += p * kept * v[j * hiddenSize + c]!;
    });
    return { o };
  },
  vjp: (graph, node, { o: dy }, wanted) => {
    const { inputs, attributes, outputs } = node;
    const { tokens, heads } = dimensions(node);
    const logSumExp = outputs['logSumExp'] ?? graph.addOutput(node, 'logSumExp', [tokens, heads]);
    const wantedShapes = Object.fromEntries(
      ['q', 'k', 'v'].filter(wanted).map((name) => [`d${name}`, inputs[name]!.shape]),
    );
    const gradients = graph.apply(
      attentionGradientOperation,
      { ...inputs, dy, o: outputs['o'], logSumExp },
      attributes,
      { ...wantedShapes, statistics: [tokens, heads, 2] },
    );
    return { q: gradients['dq'], k: gradients['dk'], v: gradients['dv'] };
  },
  lower: (node, choose) => [
    call(
      node,
      'attention',
      choose.attention(dimensions(node)),
      { STORE_LOG_SUM_EXP: node.outputs['logSumExp'] !== undefined },
      { ...node.inputs, ...node.outputs },
    ),
  ],
  flops: (node) => {
    const { tokens, length, hiddenSize, heads } = dimensions(node);
    return tokens * length * (4 * hiddenSize + 3 * heads);
  },
};

/**
 * @param inputs `q`, `k`, `v` `[batchSize · length, hiddenSize]`, heads side by side; `lengths [batchSize]` u32, at least 1 each
 * @returns `[batchSize · length, hiddenSize]`
 */
export function attention(
  graph: GraphBuilder,
  inputs: { q: Tensor; k: Tensor; v: Tensor; lengths: Tensor },
  attributes: { heads: number; length: number; causal?: boolean; probability?: number; site?: number },
): Tensor {
  if (elements(inputs.lengths.shape) * attributes.length !== inputs.q.shape[0])
    throw new Error('attention: lengths do not match the batch');
  return graph.apply(attentionOperation, inputs, attributes, { o: inputs.q.shape })['o']!;
}
