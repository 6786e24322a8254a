/**
 * Layer normalisation over the last axis (Ba et al. 2016), as `torch.nn.LayerNorm`.
 *
 *     x̂ = (x - mean) / √(var + ε)     y = γ x̂ + β        var: biased
 *     dx = (g - mean(g) - x̂ · mean(g ⊙ x̂)) / √(var + ε)   with g = γ ⊙ dy
 */
import { elements, type GraphBuilder, type KernelCall, type Node, type Operation, type Tensor } from '../tensor';
import { columnReduce } from './reduce';

function statistics(x: Float64Array, row: number, size: number, epsilon: number) {
  let [mean, variance] = [0, 0];
  for (let j = 0; j < size; j++) mean += x[row * size + j]! / size;
  for (let j = 0; j < size; j++) variance += (x[row * size + j]! - mean) ** 2 / size;
  return { mean, inverse: 1 / Math.sqrt(variance + epsilon) };
}

function lowerRows(node: Node, lanesPerRow: number, flags: Record<string, boolean>): KernelCall[] {
  const [rows, columns] = node.inputs['x']!.shape as [number, number];
  const workgroup = Math.max(lanesPerRow, 32);
  const rowsPerGroup = workgroup / lanesPerRow;
  return [
    {
      shader: 'layer-norm',
      constants: {
        WORKGROUP: workgroup,
        LANES: lanesPerRow,
        SHARED: lanesPerRow > 1,
        BACKWARD: false,
        FROZEN_GAMMA: node.inputs['gamma']?.role === 'weight',
        ...flags,
      },
      bindings: { ...node.inputs, ...node.outputs },
      params: { rows, columns, epsilon: Number(node.attributes['epsilon']) },
      workgroups: [Math.ceil(rows / rowsPerGroup), 1, 1],
    },
  ];
}

const layerNormGradientOperation: Operation = {
  name: 'layerNormGradient',
  reference: ({ inputs, attributes }, values) => {
    const [rows, size] = inputs['x']!.shape as [number, number];
    const [x, dy, gamma] = [values(inputs['x']!), values(inputs['dy']!), values(inputs['gamma']!)];
    const [dx, normalized] = [new Float64Array(rows * size), new Float64Array(rows * size)];
    for (let i = 0; i < rows; i++) {
      const { mean, inverse } = statistics(x, i, size, Number(attributes['epsilon']));
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
  lower: (node, choose) =>
    lowerRows(node, choose.lanesPerRow, { BACKWARD: true, STORE_NORMALIZED: node.outputs['normalized'] !== undefined }),
  flops: ({ outputs }) => 17 * elements(outputs['dx']!.shape),
};

const layerNormOperation: Operation = {
  name: 'layerNorm',
  reference: ({ inputs, attributes }, values) => {
    const [rows, size] = inputs['x']!.shape as [number, number];
    const [x, gamma, beta] = [values(inputs['x']!), values(inputs['gamma']!), values(inputs['beta']!)];
    const y = new Float64Array(rows * size);
    for (let i = 0; i < rows; i++) {
      const { mean, inverse } = statistics(x, i, size, Number(attributes['epsilon']));
      for (let j = 0; j < size; j++) y[i * size + j] = (x[i * size + j]! - mean) * inverse * gamma[j]! + beta[j]!;
    }
    return { y };
  },
  vjp: (graph, { inputs, attributes }, { y: dy }, wanted) => {
    if (!dy) return {};
    const { x, gamma } = inputs as { x: Tensor; gamma: Tensor };
    const outputs = graph.apply(layerNormGradientOperation, { x, dy, gamma }, attributes, {
      dx: x.shape,
      ...(wanted('gamma') && { normalized: x.shape }),
    });
    const scales =
      wanted('gamma') || wanted('beta')
        ? columnReduce(graph, dy, { with: outputs['normalized'], sum: wanted('beta') })
        : {};
    return { x: outputs['dx'], gamma: scales.dot, beta: scales.sum };
  },
  lower: (node, choose) =>
    lowerRows(node, choose.lanesPerRow, {
      FROZEN_BETA: node.inputs['beta']?.role === 'weight',
      STORE_NORMALIZED: false,
    }),
  flops: ({ outputs }) => 8 * elements(outputs['y']!.shape),
};

/** @param x `[rows, columns]` @param gamma @param beta `[columns]` @returns `[rows, columns]` */
export function layerNorm(graph: GraphBuilder, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return graph.apply(layerNormOperation, { x, gamma, beta }, { epsilon }, { y: x.shape })['y']!;
}
