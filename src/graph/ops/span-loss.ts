/**
 * The loss of a span head, as `…ForQuestionAnswering` of transformers has it: cross-entropy over the tokens of a row for where the answer
 * starts and for where it ends, averaged over the batch and over both.
 *
 *     L = Σ_c 1/2B_c Σ_b (log Σ_i e^{z_bic} - z_b,target,c)        dz = (softmax(z) - onehot) / 2B_c
 *
 * transformers computes it on a batch padded to its longest row, whose padding takes part in the softmax. Batches are padded further
 * here, so that few shapes need a program; what lies beyond the longest row is left out. A target there counts nothing: B_c are the rows whose target counts.
 */
import {
  elements,
  grid,
  matrixShape,
  type GraphBuilder,
  type KernelCall,
  type Node,
  type Operation,
  type Tensor,
} from '../tensor';
import { sumPartials } from './reduce';

export interface SpanLossInputs {
  /** `[batchSize · length, 2]`: scores of each token as the first of the answer, and as its last. */
  readonly logits: Tensor;
  /** `[batchSize]` f32: the token at which the answer starts. One beyond the batch's longest row counts nothing. */
  readonly starts: Tensor;
  /** `[batchSize]` f32 */
  readonly ends: Tensor;
  /** `[batchSize]` u32 */
  readonly lengths: Tensor;
}

type Inputs = { logits: Tensor; starts: Tensor; ends: Tensor; lengths: Tensor };
type GradientInputs = Inputs & { seed?: Tensor | undefined };
type SpanNode = Pick<Node<GradientInputs>, 'inputs'>;

const workgroup = 64;

function spanCall({ inputs }: SpanNode, output: { partial: Tensor } | { dlogits: Tensor }): KernelCall {
  const rows = elements(inputs.lengths.shape);
  const [tokens] = matrixShape(inputs.logits);
  return {
    shader: 'span-loss',
    constants: { WORKGROUP: workgroup, GRADIENT: 'dlogits' in output, HAS_SEED: inputs.seed !== undefined },
    bindings: { ...inputs, ...output },
    params: { rows, length: tokens / rows },
    workgroups: grid(2 * rows),
    flops: ('dlogits' in output ? 7 : 4) * 2 * tokens,
  };
}

function evaluate({ inputs }: SpanNode, values: (tensor: Tensor) => Float64Array) {
  const [logits, lengths] = [values(inputs.logits), values(inputs.lengths)];
  const targets = [values(inputs.starts), values(inputs.ends)];
  const seed = inputs.seed ? values(inputs.seed)[0]! : 1;
  const rows = lengths.length;
  const length = logits.length / 2 / rows;
  const counted = Math.max(...lengths);
  const dlogits = new Float64Array(logits.length);
  let loss = 0;
  for (let column = 0; column < 2; column++) {
    const count = targets[column]!.filter((target) => target < counted).length;
    for (let b = 0; b < rows; b++) {
      const target = targets[column]![b]!;
      if (target >= counted) continue;
      const at = (token: number) => 2 * (b * length + token) + column;
      const tokens = Array.from({ length: counted }, (_, i) => i);
      const peak = tokens.reduce((most, i) => Math.max(most, logits[at(i)]!), -Infinity);
      const sum = tokens.reduce((total, i) => total + Math.exp(logits[at(i)]! - peak), 0);
      loss += (peak + Math.log(sum) - logits[at(target)]!) / (2 * count);
      for (const i of tokens)
        dlogits[at(i)] = (seed * (Math.exp(logits[at(i)]! - peak) / sum - (i === target ? 1 : 0))) / (2 * count);
    }
  }
  return { loss: Float64Array.of(loss), dlogits };
}

const spanLossGradientOperation: Operation<GradientInputs, object, { dlogits: Tensor }> = {
  name: 'spanLossGradient',
  reference: (node, values) => ({ dlogits: evaluate(node, values).dlogits }),
  lower: (node) => [spanCall(node, node.outputs)],
};

const spanLossOperation: Operation<Inputs, object, { loss: Tensor; partial: Tensor }> = {
  name: 'spanLoss',
  reference: (node, values) => ({ loss: evaluate(node, values).loss }),
  vjp: (graph, { inputs }, { loss: dy }) => {
    if (!dy) return {};
    const seed = dy.constant === 1 ? undefined : dy;
    const shapes = { dlogits: inputs.logits.shape };
    return { logits: graph.apply(spanLossGradientOperation, { ...inputs, seed }, {}, shapes).dlogits };
  },
  lower: (node) => {
    const { loss, partial } = node.outputs;
    const parts = elements(partial.shape);
    return [spanCall(node, { partial }), sumPartials(partial, loss, parts, 1)];
  },
};

/** @returns the mean loss of a batch, `[1]` */
export function spanLoss(graph: GraphBuilder, inputs: SpanLossInputs): Tensor {
  const rows = elements(inputs.lengths.shape);
  const [tokens, columns] = matrixShape(inputs.logits);
  if (columns !== 2 || tokens % rows) throw new Error('spanLoss: logits do not match the batch');
  return graph.apply(spanLossOperation, { ...inputs }, {}, { loss: [1], partial: [2 * rows] }).loss;
}
