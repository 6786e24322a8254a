/**
 * Element-wise operations: sum, activations and their gradients, counter-based dropout.
 *
 * As nodes of their own they run `shaders/elementwise.wgsl`, one dispatch each; the fusion pass usually folds sums and
 * activations into the epilogue of the matmul before them.
 */
import {
  elements,
  grid,
  type GraphBuilder,
  type KernelCall,
  type Operation,
  type Tensor,
  type TensorMap,
} from '../tensor';

export const activations = ['gelu', 'gelu_tanh', 'tanh', 'relu'] as const;
export type Activation = (typeof activations)[number];

const sqrt2 = Math.SQRT2;
const c0 = Math.sqrt(2 / Math.PI);

/** erf in float64 to about 1e-15: series near zero, continued fraction far from it. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

/** The activation and its derivative at `x`, float64. */
export const activationReference: Record<Activation, { value(x: number): number; derivative(x: number): number }> = {
  gelu: {
    value: (x) => 0.5 * x * (1 + erf(x / sqrt2)),
    derivative: (x) => 0.5 * (1 + erf(x / sqrt2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
  },
  gelu_tanh: {
    value: (x) => 0.5 * x * (1 + Math.tanh(c0 * (x + 0.044715 * x ** 3))),
    derivative: (x) => {
      const t = Math.tanh(c0 * (x + 0.044715 * x ** 3));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c0 * (1 + 3 * 0.044715 * x * x);
    },
  },
  tanh: { value: Math.tanh, derivative: (x) => 1 - Math.tanh(x) ** 2 },
  relu: { value: (x) => Math.max(x, 0), derivative: (x) => (x > 0 ? 1 : 0) },
};

/** FLOPs of one activation and of one derivative, counted off `shaders/activation.wgsl`. */
export const activationFlops: Record<Activation, { value: number; derivative: number }> = {
  gelu: { value: 30, derivative: 36 },
  gelu_tanh: { value: 10, derivative: 19 },
  tanh: { value: 1, derivative: 3 },
  relu: { value: 1, derivative: 1 },
};

/** Constants that select an activation in a shader. */
export function activationConstants(kind: Activation | undefined): Record<string, boolean> {
  return Object.fromEntries(activations.map((name) => [`ACTIVATION_${name.toUpperCase()}`, name === kind]));
}

type Unary = { a: Tensor };
type Binary = { a: Tensor; b: Tensor };
type Result = { y: Tensor };

/** What `shaders/elementwise.wgsl` computes; one of them is set. */
const modes = { SUM: false, SCALE: false, CONSTANT: false, ACTIVATION: false, GRADIENT: false, DROPOUT: false };

function lowerElementwise(
  mode: keyof typeof modes,
  inputs: TensorMap,
  { y }: Result,
  flopsPerValue: number,
  { constants = {}, params = {} }: { constants?: KernelCall['constants']; params?: KernelCall['params'] } = {},
): KernelCall[] {
  const count = elements(y.shape);
  return [
    {
      shader: 'elementwise',
      constants: { ...modes, [mode]: true, WORKGROUP: 64, ...activationConstants(undefined), ...constants },
      bindings: { ...inputs, y },
      params: { count, ...params },
      workgroups: grid(Math.ceil(count / 64)),
      flops: flopsPerValue * count,
    },
  ];
}

export const addOperation: Operation<Binary, object, Result> = {
  name: 'add',
  reference: ({ inputs }, values) => {
    const b = values(inputs.b);
    return { y: values(inputs.a).map((a, i) => a + b[i]!) };
  },
  vjp: (_graph, _node, { y }) => ({ a: y, b: y }),
  lower: ({ inputs, outputs }) => lowerElementwise('SUM', inputs, outputs, 1),
};

/** `a + b`, same shapes. */
export function add(graph: GraphBuilder, a: Tensor, b: Tensor): Tensor {
  return graph.apply(addOperation, { a, b }, {}, { y: a.shape }).y;
}

const scaleOperation: Operation<Unary, { readonly factor: number }, Result> = {
  name: 'scale',
  reference: ({ inputs, attributes: { factor } }, values) => ({ y: values(inputs.a).map((a) => factor * a) }),
  vjp: (graph, { attributes: { factor } }, { y: dy }) => ({ a: dy && scale(graph, dy, factor) }),
  lower: ({ inputs, attributes, outputs }) =>
    lowerElementwise('SCALE', inputs, outputs, 1, { params: { ...attributes } }),
};

/** `factor · a`. */
export function scale(graph: GraphBuilder, a: Tensor, factor: number): Tensor {
  return graph.apply(scaleOperation, { a }, { factor }, { y: a.shape }).y;
}

/** The same value everywhere: `Graph.constant`. */
export const constantOperation: Operation<TensorMap, { readonly value: number }, Result> = {
  name: 'constant',
  reference: ({ attributes: { value }, outputs: { y } }) => ({ y: new Float64Array(elements(y.shape)).fill(value) }),
  lower: ({ attributes, outputs }) => lowerElementwise('CONSTANT', {}, outputs, 0, { params: { ...attributes } }),
};

type ActivationAttributes = { readonly kind: Activation };

export const activationGradientOperation: Operation<Binary, ActivationAttributes, Result> = {
  name: 'activationGradient',
  reference: ({ inputs, attributes }, values) => {
    const { derivative } = activationReference[attributes.kind];
    const dy = values(inputs.a);
    return { y: values(inputs.b).map((x, i) => dy[i]! * derivative(x)) };
  },
  lower: ({ inputs, attributes: { kind }, outputs }) =>
    lowerElementwise('GRADIENT', inputs, outputs, 1 + activationFlops[kind].derivative, {
      constants: activationConstants(kind),
    }),
};

export const activationOperation: Operation<Unary, ActivationAttributes, Result> = {
  name: 'activation',
  reference: ({ inputs, attributes }, values) => ({
    y: values(inputs.a).map(activationReference[attributes.kind].value),
  }),
  vjp: (graph, { inputs, attributes }, { y: dy }) =>
    dy ? { a: graph.apply(activationGradientOperation, { a: dy, b: inputs.a }, attributes, { y: dy.shape }).y } : {},
  lower: ({ inputs, attributes: { kind }, outputs }) =>
    lowerElementwise('ACTIVATION', inputs, outputs, activationFlops[kind].value, {
      constants: activationConstants(kind),
    }),
};

/** `gelu` (erf), `gelu_tanh`, `tanh` or `relu`, element by element. */
export function activation(graph: GraphBuilder, x: Tensor, kind: Activation): Tensor {
  return graph.apply(activationOperation, { a: x }, { kind }, { y: x.shape }).y;
}

/** PCG's output permutation, the same integers as `hash` in `shaders/random.wgsl`. */
export function hash(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Whether dropout keeps element `index` at `site`, given the step's seed: a pure function, so a resumed run repeats it. */
export function keeps(seed: number, site: number, index: number, probability: number): boolean {
  return hash((index ^ hash((seed ^ hash(site)) >>> 0)) >>> 0) >= Math.round(probability * 4294967295);
}

/** Which mask: `site` tells dropouts of one step apart. Left out: nothing is dropped. */
export type DropoutAttributes = { readonly probability?: number; readonly site?: number };

const dropoutOperation: Operation<Unary, Required<DropoutAttributes>, Result> = {
  name: 'dropout',
  reference: ({ inputs, attributes: { probability, site } }, values) => ({
    y: values(inputs.a).map((x, i) => (keeps(0, site, i, probability) ? x / (1 - probability) : 0)),
  }),
  vjp: (graph, { attributes }, { y: dy }) =>
    dy ? { a: graph.apply(dropoutOperation, { a: dy }, attributes, { y: dy.shape }).y } : {},
  lower: ({ inputs, attributes, outputs }) =>
    lowerElementwise('DROPOUT', inputs, outputs, 1, { params: dropoutParams(attributes) }),
};

export function dropoutParams({ probability = 0, site = 0 }: DropoutAttributes): Record<string, number> {
  return { site, threshold: Math.round(probability * 4294967295), keepScale: 1 / (1 - probability) };
}

/** Zeroes each element with `probability` and scales the rest by `1 / (1 - probability)`; `site` tells dropouts of one step apart. */
export function dropout(graph: GraphBuilder, x: Tensor, probability: number, site: number): Tensor {
  if (probability === 0) return x;
  return graph.apply(dropoutOperation, { a: x }, { probability, site }, { y: x.shape }).y;
}
