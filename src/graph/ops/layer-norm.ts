/**
 * Layer normalisation over the last axis (Ba et al. 2016), as `torch.nn.LayerNorm`.
 *
 *     x̂ = (x - mean) / √(var + ε)     y = γ x̂ + β        var: biased
 *     dx = (g - mean(g) - x̂ · mean(g ⊙ x̂)) / √(var + ε)   with g = γ ⊙ dy
 */
import {
  isFrozen,
  grid,
  matrixShape,
  type GraphBuilder,
  type KernelCall,
  type Operation,
  type Tensor,
  type TensorMap,
} from '../tensor';
import { columnReduce } from './reduce';

function statistics(x: Float64Array, row: number, size: number, epsilon: number) {
  let [mean, variance] = [0, 0];
  for (let j = 0; j < size; j++) mean += x[row * size + j]! / size;
  for (let j = 0; j < size; j++) variance += (x[row * size + j]! - mean) ** 2 / size;
  return { mean, inverse: 1 / Math.sqrt(variance + epsilon) };
}

type NormAttributes = { readonly epsilon: number };

function rowsCall(
  inputs: { x: Tensor; gamma: Tensor },
  { epsilon }: NormAttributes,
  lanesPerRow: number,
  flags: Record<string, boolean>,
  bindings: TensorMap,
  flopsPerValue: number,
): KernelCall {
  const [rows, columns] = matrixShape(inputs.x);
  const workgroup = Math.max(lanesPerRow, 32);
  const rowsPerGroup = workgroup / lanesPerRow;
  return {
    shader: 'layer-norm',
    constants: {
      WORKGROUP: workgroup,
      LANES: lanesPerRow,
      SHARED: lanesPerRow > 1,
      BACKWARD: false,
      STORE_NORMALIZED: false,
      FROZEN_GAMMA: isFrozen(inputs.gamma),
      ...flags,
    },
    bindings: { ...inputs, ...bindings },
    params: { rows, columns, epsilon },
    workgroups: grid(Math.ceil(rows / rowsPerGroup)),
    flops: flopsPerValue * rows * columns,
  };
}

type NormGradients = { dx: Tensor; normalized?: Tensor | undefined };

const layerNormGradientOperation: Operation<{ x: Tensor; dy: Tensor; gamma: Tensor }, NormAttributes, NormGradients> = {
  name: 'layerNormGradient',
  optionalOutputs: ['normalized'],
  reference: ({ inputs, attributes: { epsilon } }, values) => {
    const [rows, size] = matrixShape(inputs.x);
    const [x, dy, gamma] = [values(inputs.x), values(inputs.dy), values(inputs.gamma)];
    const [dx, normalized] = [new Float64Array(rows * size), new Float64Array(rows * size)];
    for (let i = 0; i < rows; i++) {
      const { mean, inverse } = statistics(x, i, size, epsilon);
      let [meanG, meanGx] = [0, 0];
      for (let j = 0; j < size; j++) {
        normalized[i * size + j] = (x[i * size + j]! - mean) * inverse;
        const g = gamma[j]! * dy[i * size + j]!;
        meanG += g / size;
        meanGx += (g * normalized[i * size + j]!) / size;
      }
      for (let j = 0; j < size; j++)
        dx[i * size + j] = (gamma[j]! * dy[i * size + j]! - meanG - normalized[i * size + j]! * meanGx) * inverse;
    }
    return { dx, normalized };
  },
  lower: ({ inputs, attributes, outputs }, { lanesPerRow }) => [
    rowsCall(
      inputs,
      attributes,
      lanesPerRow,
      { BACKWARD: true, STORE_NORMALIZED: outputs.normalized !== undefined },
      outputs,
      17,
    ),
  ],
};

const layerNormOperation: Operation<{ x: Tensor; gamma: Tensor; beta: Tensor }, NormAttributes, { y: Tensor }> = {
  name: 'layerNorm',
  reference: ({ inputs, attributes: { epsilon } }, values) => {
    const [rows, size] = matrixShape(inputs.x);
    const [x, gamma, beta] = [values(inputs.x), values(inputs.gamma), values(inputs.beta)];
    const y = new Float64Array(rows * size);
    for (let i = 0; i < rows; i++) {
      const { mean, inverse } = statistics(x, i, size, epsilon);
      for (let j = 0; j < size; j++) y[i * size + j] = (x[i * size + j]! - mean) * inverse * gamma[j]! + beta[j]!;
    }
    return { y };
  },
  vjp: (graph, { inputs: { x, gamma }, attributes }, { y: dy }, wanted) => {
    if (!dy) return {};
    const { dx, normalized } = graph.apply(layerNormGradientOperation, { x, dy, gamma }, attributes, {
      dx: x.shape,
      ...(wanted('gamma') && { normalized: x.shape }),
    });
    const scales =
      wanted('gamma') || wanted('beta') ? columnReduce(graph, dy, { with: normalized, sum: wanted('beta') }) : {};
    return { x: dx, gamma: scales.dot, beta: scales.sum };
  },
  lower: ({ inputs, attributes, outputs }, { lanesPerRow }) => [
    rowsCall(inputs, attributes, lanesPerRow, { FROZEN_BETA: isFrozen(inputs.beta) }, outputs, 8),
  ],
};

/** @param x `[rows, columns]` @param gamma @param beta `[columns]` @returns `[rows, columns]` */
export function layerNorm(graph: GraphBuilder, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return graph.apply(layerNormOperation, { x, gamma, beta }, { epsilon }, { y: x.shape }).y;
}
