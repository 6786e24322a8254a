/**
 * Operations on where values lie: views, copies, and those that write over a tensor, such as a state that lives across runs.
 *
 *     view            a contiguous part of a tensor as a tensor of its own; nothing is computed
 *     slice           the same, copied where no binding can start
 *     copy            the same values in a place of their own; the compiler inserts it where a kernel could not bind a tensor twice
 *     assign          writes values into a part of a tensor: a cache
 *     runningAverage  tensor = decay · tensor + (1 - decay) · x
 *
 * The last two give back the tensor as it is afterwards; whoever wants the new values reads that. See `Sharing`.
 */
import { alignment } from '../chunks';
import {
  byteLength,
  bytesPerElement,
  elements,
  grid,
  isFrozen,
  storageOf,
  weightConstants,
  type GraphBuilder,
  type KernelCall,
  type Operation,
  type Tensor,
} from '../tensor';

type Unary = { x: Tensor };
type Result = { y: Tensor };
type Offset = { readonly offset: number };

/** Moves all words of x to those of y from `start` on. */
function copyCall(x: Tensor, y: Tensor, start: number, pad: boolean): KernelCall {
  const count = Math.ceil(byteLength(x) / 4);
  const size = Math.ceil(byteLength(y) / 4);
  return {
    shader: 'copy',
    constants: { WORKGROUP: 64, PAD: pad, FROZEN: isFrozen(x) },
    bindings: { x, y },
    params: { count, start, size },
    workgroups: grid(Math.ceil((pad ? size : count) / 64)),
    flops: 0,
    ...(!pad && { partialBytes: { y: byteLength(x) } }),
  };
}

/** The gradient of a view: zero outside. */
const viewGradientOperation: Operation<Unary, Offset, Result> = {
  name: 'viewGradient',
  reference: ({ inputs, attributes: { offset }, outputs }, values) => {
    const y = new Float64Array(elements(outputs.y.shape));
    y.set(values(inputs.x), offset);
    return { y };
  },
  lower: ({ inputs: { x }, attributes: { offset }, outputs: { y } }) => [copyCall(x, y, offset, true)],
};

const viewOperation: Operation<Unary, Offset, Result> = {
  name: 'view',
  sharing: ({ offset }) => ({ output: 'y', input: 'x', offset, overwrites: false }),
  reference: ({ inputs, attributes: { offset }, outputs }, values) => ({
    y: values(inputs.x).slice(offset, offset + elements(outputs.y.shape)),
  }),
  vjp: (graph, { inputs: { x }, attributes }, { y: dy }) => ({
    x: dy && graph.apply(viewGradientOperation, { x: dy }, attributes, { y: x.shape }).y,
  }),
  lower: () => [],
};

/**
 * `shape` elements of `x` from element `offset` on, in x's own storage and of its type.
 *
 * @throws Error where it reaches beyond x, or starts at no multiple of 256 bytes, where no binding can start
 */
export function view(graph: GraphBuilder, x: Tensor, offset: number, shape: readonly number[]): Tensor {
  return graph.apply(viewOperation, { x }, { offset }, { y: shape }).y;
}

const sliceOperation: Operation<Unary, Offset, Result> = {
  name: 'slice',
  reference: viewOperation.reference,
  vjp: viewOperation.vjp!,
  lower: ({ inputs: { x }, attributes: { offset }, outputs: { y } }) => {
    const count = elements(y.shape);
    return [
      {
        shader: 'slice',
        constants: { WORKGROUP: 64, ...weightConstants(x) },
        bindings: { weight: x, y },
        params: { count, start: offset },
        workgroups: grid(Math.ceil(count / 64)),
        flops: 0,
        partialBytes: { weight: count * bytesPerElement(x) },
      },
    ];
  },
};

/** `shape` elements of `x` from element `offset` on: a `view` where a binding can start there, else a copy (of f16, as f32). */
export function slice(graph: GraphBuilder, x: Tensor, offset: number, shape: readonly number[]): Tensor {
  const { base, offset: start } = storageOf(x);
  if (((start + offset) * bytesPerElement(base)) % alignment === 0) return view(graph, x, offset, shape);
  return graph.apply(sliceOperation, { x }, { offset }, { y: shape }).y;
}

export const copyOperation: Operation<Unary, object, Result> = {
  name: 'copy',
  reference: ({ inputs }, values) => ({ y: values(inputs.x).slice() }),
  vjp: (_graph, _node, { y: dy }) => ({ x: dy }),
  lower: ({ inputs: { x }, outputs: { y } }) => [copyCall(x, y, 0, false)],
};

const assignOperation: Operation<{ target: Tensor; x: Tensor }, Offset, Result> = {
  name: 'assign',
  sharing: () => ({ output: 'y', input: 'target', offset: 0, overwrites: true }),
  reference: ({ inputs, attributes: { offset } }, values) => {
    const y = values(inputs.target).slice();
    y.set(values(inputs.x), offset);
    return { y };
  },
  lower: ({ inputs: { x }, attributes: { offset }, outputs: { y } }) => [copyCall(x, y, offset, false)],
};

/** Writes `x` over the elements of `target` from `offset` on. @returns all of `target` as it is then */
export function assign(graph: GraphBuilder, target: Tensor, x: Tensor, offset = 0): Tensor {
  if (target.dataType !== x.dataType || offset < 0 || offset + elements(x.shape) > elements(target.shape))
    throw new Error(
      `assign: ${x.name} [${x.shape}] does not fit ${target.name} [${target.shape}] from element ${offset}`,
    );
  return graph.apply(assignOperation, { target, x }, { offset }, { y: target.shape }).y;
}

const runningAverageOperation: Operation<{ average: Tensor; x: Tensor }, { readonly decay: number }, Result> = {
  name: 'runningAverage',
  sharing: () => ({ output: 'y', input: 'average', offset: 0, overwrites: true }),
  reference: ({ inputs, attributes: { decay } }, values) => {
    const x = values(inputs.x);
    return { y: values(inputs.average).map((value, i) => decay * value + (1 - decay) * x[i]!) };
  },
  lower: ({ inputs: { x }, attributes, outputs: { y } }) => {
    const count = elements(y.shape);
    return [
      {
        shader: 'running-average',
        constants: { WORKGROUP: 64 },
        bindings: { x, y },
        params: { count, ...attributes },
        workgroups: grid(Math.ceil(count / 64)),
        flops: 4 * count,
      },
    ];
  },
};

/** Writes `decay · average + (1 - decay) · x` over `average`. @returns it as it is then */
export function runningAverage(graph: GraphBuilder, average: Tensor, x: Tensor, decay: number): Tensor {
  if (elements(average.shape) !== elements(x.shape))
    throw new Error(`runningAverage: ${x.name} is [${x.shape}], ${average.name} [${average.shape}]`);
  return graph.apply(runningAverageOperation, { average, x }, { decay }, { y: average.shape }).y;
}
