/**
 * What only looking into a model needs, beside the operations that train it: nothing of it is in a training step.
 *
 *     attentionProbabilities   p_ij of an attention that never stored them, again from q, k and the log-sum-exp
 *     interpolate              y = start + share (end - start), a share for each row of the batch
 *     rowDot                   y_n = Σ_j a_nj b_nj
 */
import type { Graph } from '../graph';
import { elements, grid, matrixShape, type Node, type Operation, type Tensor } from '../tensor';
import { attentionOperation, type AttentionAttributes } from './attention';

type ProbabilityInputs = { q: Tensor; k: Tensor; logSumExp: Tensor; lengths: Tensor };
type ProbabilityAttributes = Pick<AttentionAttributes, 'heads' | 'length' | 'causal'> & { readonly mean: boolean };

const probabilitiesOperation: Operation<ProbabilityInputs, ProbabilityAttributes, { y: Tensor }> = {
  name: 'attentionProbabilities',
  reference: ({ inputs, attributes: { heads, length, causal, mean }, outputs }, values) => {
    const [rows, size] = matrixShape(inputs.q);
    const headSize = size / heads;
    const [q, k, lengths] = [values(inputs.q), values(inputs.k), values(inputs.lengths)];
    const y = new Float64Array(elements(outputs.y.shape));
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < rows; i++) {
        const [b, query] = [Math.floor(i / length), i % length];
        if (query >= lengths[b]!) continue;
        const keys = causal ? query + 1 : lengths[b]!;
        const scores = Array.from({ length: keys }, (_, key) => {
          let product = 0;
          for (let c = head * headSize; c < (head + 1) * headSize; c++)
            product += q[i * size + c]! * k[(b * length + key) * size + c]!;
          return product / Math.sqrt(headSize);
        });
        const peak = Math.max(...scores);
        const sum = scores.reduce((total, score) => total + Math.exp(score - peak), 0);
        scores.forEach((score, key) => {
          const p = Math.exp(score - peak) / sum;
          if (mean) y[i * length + key]! += p / heads;
          else y[(head * rows + i) * length + key] = p;
        });
      }
    return { y };
  },
  lower: ({ inputs, attributes: { heads, length, causal, mean }, outputs: { y } }) => {
    const [rows, size] = matrixShape(inputs.q);
    const headSize = size / heads;
    return [
      {
        shader: 'attention-probabilities',
        constants: { WORKGROUP: 64, HEAD_VECTORS: headSize / 4, CAUSAL: causal === true, MEAN: mean },
        bindings: { ...inputs, y },
        params: { length, heads, rows, stride: size / 4, scale: 1 / Math.sqrt(headSize) },
        workgroups: grid(Math.ceil((rows * length) / 64)),
        flops: (2 * headSize + 3) * heads * rows * length,
      },
    ];
  },
};

/**
 * @param context what an attention of the graph gave
 * @param mean over heads; otherwise each head's
 * @returns `[batchSize · length, length]`, or `[heads · batchSize · length, length]`, heads one after the other
 */
export function attentionProbabilities(graph: Graph, context: Tensor, mean: boolean): Tensor {
  const node = graph.nodes.find(
    (candidate) => candidate.operation === (attentionOperation as object) && candidate.outputs['o'] === context,
  ) as Node<{ q: Tensor; k: Tensor; v: Tensor; lengths: Tensor }, AttentionAttributes> | undefined;
  if (!node) throw new Error(`${context.name} is no attention's`);
  const { q, k, lengths } = node.inputs;
  const { heads, length, causal } = node.attributes;
  const [rows] = matrixShape(q);
  const logSumExp = graph.addOutput(node, 'logSumExp', [rows, heads]);
  const attributes = { heads, length, mean, ...(causal && { causal }) };
  const shape = [mean ? rows : heads * rows, length];
  return graph.apply(probabilitiesOperation, { q, k, logSumExp, lengths }, attributes, { y: shape }).y;
}

type InterpolateInputs = { start: Tensor; end: Tensor; share: Tensor };

const interpolateOperation: Operation<InterpolateInputs, object, { y: Tensor }> = {
  name: 'interpolate',
  reference: ({ inputs }, values) => {
    const [end, share] = [values(inputs.end), values(inputs.share)];
    const columns = end.length / share.length;
    return { y: values(inputs.start).map((a, at) => a + share[Math.floor(at / columns)]! * (end[at]! - a)) };
  },
  lower: ({ inputs, outputs: { y } }) => {
    const count = elements(y.shape);
    return [
      {
        shader: 'interpolate',
        constants: { WORKGROUP: 64 },
        bindings: { ...inputs, y },
        params: { count, columns: count / elements(inputs.share.shape) },
        workgroups: grid(Math.ceil(count / 64)),
        flops: 3 * count,
      },
    ];
  },
};

/** @param start, end same shapes @param share `[rows]`, of so many equal parts of the other two */
export function interpolate(graph: Graph, inputs: InterpolateInputs): Tensor {
  return graph.apply(interpolateOperation, inputs, {}, { y: inputs.start.shape }).y;
}

const rowDotOperation: Operation<{ a: Tensor; b: Tensor }, object, { y: Tensor }> = {
  name: 'rowDot',
  reference: ({ inputs }, values) => {
    const [rows, columns] = matrixShape(inputs.a);
    const [a, b] = [values(inputs.a), values(inputs.b)];
    const y = new Float64Array(rows);
    a.forEach((value, at) => (y[Math.floor(at / columns)]! += value * b[at]!));
    return { y };
  },
  lower: ({ inputs, outputs: { y } }) => {
    const [rows, columns] = matrixShape(inputs.a);
    return [
      {
        shader: 'row-dot',
        constants: { WORKGROUP: 64 },
        bindings: { ...inputs, y },
        params: { rows, columns },
        workgroups: grid(Math.ceil(rows / 64)),
        flops: 2 * rows * columns,
      },
    ];
  },
};

/** @param a, b `[rows, columns]` @returns `[rows]` */
export function rowDot(graph: Graph, a: Tensor, b: Tensor): Tensor {
  return graph.apply(rowDotOperation, { a, b }, {}, { y: [matrixShape(a)[0]] }).y;
}
