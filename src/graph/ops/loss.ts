/**
 * Losses, averaged over the batch as in PyTorch: cross-entropy over classes, mean squared error for regression.
 *
 *     cross-entropy  L = 1/B Σ_b (log Σ_c e^{z_bc} - z_b,label)     dz = (softmax(z) - onehot) / B
 *     squared error  L = 1/B Σ_b (z_b - label)²                     dz = 2 (z - label) / B
 */
import { matrixShape, type GraphBuilder, type KernelCall, type Node, type Operation, type Tensor } from '../tensor';

export type LossKind = 'crossEntropy' | 'meanSquaredError';

type LossInputs = { logits: Tensor; labels: Tensor };
/** `seed [1]`: the gradient of what the loss is part of; left out where it is 1. */
type GradientInputs = LossInputs & { seed?: Tensor | undefined };
type LossAttributes = { readonly kind: LossKind };
type LossNode = Pick<Node<GradientInputs, LossAttributes>, 'inputs' | 'attributes'>;

function lossCall(
  { inputs, attributes: { kind } }: LossNode,
  output: { loss: Tensor } | { dlogits: Tensor },
): KernelCall {
  const [rows, classes] = matrixShape(inputs.logits);
  return {
    shader: 'loss',
    constants: {
      CROSS_ENTROPY: kind === 'crossEntropy',
      GRADIENT: 'dlogits' in output,
      HAS_SEED: inputs.seed !== undefined,
    },
    bindings: { ...inputs, ...output },
    params: { rows, classes },
    workgroups: [1, 1, 1],
    flops: (inputs.seed ? 9 : 8) * rows * classes,
  };
}

function evaluate({ inputs, attributes: { kind } }: LossNode, values: (tensor: Tensor) => Float64Array) {
  const [rows, classes] = matrixShape(inputs.logits);
  const [logits, labels] = [values(inputs.logits), values(inputs.labels)];
  const seed = inputs.seed ? values(inputs.seed)[0]! : 1;
  const dlogits = new Float64Array(rows * classes);
  let loss = 0;
  for (let b = 0; b < rows; b++) {
    if (kind === 'meanSquaredError') {
      const error = logits[b]! - labels[b]!;
      loss += error ** 2 / rows;
      dlogits[b] = (2 * error) / rows;
      continue;
    }
    const row = logits.subarray(b * classes, (b + 1) * classes);
    const max = Math.max(...row);
    const sum = row.reduce((total, z) => total + Math.exp(z - max), 0);
    loss += (max + Math.log(sum) - row[labels[b]!]!) / rows;
    row.forEach((z, c) => (dlogits[b * classes + c] = (Math.exp(z - max) / sum - (c === labels[b] ? 1 : 0)) / rows));
  }
  return { loss: Float64Array.of(loss), dlogits: dlogits.map((value) => value * seed) };
}

const lossGradientOperation: Operation<GradientInputs, LossAttributes, { dlogits: Tensor }> = {
  name: 'lossGradient',
  reference: (node, values) => ({ dlogits: evaluate(node, values).dlogits }),
  lower: (node) => [lossCall(node, node.outputs)],
};

const lossOperation: Operation<LossInputs, LossAttributes, { loss: Tensor }> = {
  name: 'loss',
  reference: (node, values) => ({ loss: evaluate(node, values).loss }),
  vjp: (graph, { inputs, attributes }, { loss: dy }) => {
    const seed = dy?.constant === 1 ? undefined : dy;
    const shapes = { dlogits: inputs.logits.shape };
    return { logits: graph.apply(lossGradientOperation, { ...inputs, seed }, attributes, shapes).dlogits };
  },
  lower: (node) => [lossCall(node, node.outputs)],
};

/** @param logits `[batchSize, classes]` (one class for regression) @param labels `[batchSize]` f32: class index or target @returns `[1]` */
export function loss(graph: GraphBuilder, kind: LossKind, logits: Tensor, labels: Tensor): Tensor {
  if (kind === 'meanSquaredError' && logits.shape[1] !== 1) throw new Error('squared error takes one output');
  return graph.apply(lossOperation, { logits, labels }, { kind }, { loss: [1] }).loss;
}
