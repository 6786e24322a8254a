/**
 * Keys and values of earlier tokens, kept for those to come.
 *
 *     appendToCache    writes a step's keys and values side by side into the cache's next slot
 *     cachedAttention  each row's one query over its prompt and over what it has generated so far
 *
 * Rows that go on from the same prompt (beams) share its keys. What rows have generated is never moved when beams are chosen anew: a table
 * tells in which row each earlier token of a row was computed.
 */
import { elements, grid, matrixShape, type GraphBuilder, type Operation, type Tensor } from '../tensor';

type AppendInputs = { cache: Tensor; keys: Tensor; values: Tensor; slot?: Tensor | undefined };

const appendOperation: Operation<AppendInputs, object, { y: Tensor }> = {
  name: 'appendToCache',
  sharing: () => ({ output: 'y', input: 'cache', offset: 0, overwrites: true }),
  reference: ({ inputs }, values) => {
    const [rows, columns] = matrixShape(inputs.keys);
    const y = values(inputs.cache).slice();
    const slot = inputs.slot ? values(inputs.slot)[0]! : 0;
    const [k, v] = [values(inputs.keys), values(inputs.values)];
    for (let r = 0; r < rows; r++) {
      const at = (slot * rows + r) * 2 * columns;
      y.set(k.subarray(r * columns, (r + 1) * columns), at);
      y.set(v.subarray(r * columns, (r + 1) * columns), at + columns);
    }
    return { y };
  },
  lower: ({ inputs: { keys, values, slot }, outputs: { y } }) => {
    const count = elements(keys.shape);
    return [
      {
        shader: 'cache-append',
        constants: { WORKGROUP: 64, FIRST_SLOT: slot === undefined },
        bindings: { keys, values, y, slot },
        params: { count, columns: matrixShape(keys)[1] },
        workgroups: grid(Math.ceil(count / 64)),
        flops: 0,
        partialBytes: { y: 8 * count },
      },
    ];
  },
};

/**
 * @param cache a state `[slots · rows, 2 · columns]`
 * @param given `keys`, `values` `[rows, columns]`
 * @param slot `[1]` u32; by default the first
 * @returns the cache as it is then
 */
export function appendToCache(
  graph: GraphBuilder,
  cache: Tensor,
  { keys, values }: { readonly keys: Tensor; readonly values: Tensor },
  slot?: Tensor,
): Tensor {
  const [rows, columns] = matrixShape(keys);
  if (cache.shape[1] !== 2 * columns || cache.shape[0]! % rows)
    throw new Error(`appendToCache: [${keys.shape}] does not fit ${cache.name} [${cache.shape}]`);
  return graph.apply(appendOperation, { cache, keys, values, slot }, {}, { y: cache.shape }).y;
}

type CachedInputs = {
  q: Tensor;
  prompt: Tensor;
  promptLengths: Tensor;
  generated: Tensor;
  origins: Tensor;
  slot: Tensor;
};
type CachedAttributes = { readonly heads: number; readonly promptLength: number; readonly beams: number };

const cachedAttentionOperation: Operation<CachedInputs, CachedAttributes, { o: Tensor }> = {
  name: 'cachedAttention',
  reference: ({ inputs, attributes: { heads, promptLength, beams } }, values) => {
    const [rows, width] = matrixShape(inputs.q);
    const [q, prompt, generated] = [values(inputs.q), values(inputs.prompt), values(inputs.generated)];
    const [lengths, origins] = [values(inputs.promptLengths), values(inputs.origins)];
    const times = values(inputs.slot)[0]! + 1;
    const capacity = origins.length / rows;
    const headSize = width / heads;
    const o = new Float64Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const of = Math.floor(row / beams);
      const places = [
        ...Array.from({ length: lengths[of]! }, (_, j) => ({ from: prompt, at: (of * promptLength + j) * 2 * width })),
        ...Array.from({ length: times }, (_, t) => ({
          from: generated,
          at: (t * rows + origins[row * capacity + t]!) * 2 * width,
        })),
      ];
      for (let column = 0; column < width; column += headSize) {
        const scores = places.map(({ from, at }) => {
          let score = 0;
          for (let c = column; c < column + headSize; c++) score += q[row * width + c]! * from[at + c]!;
          return score / Math.sqrt(headSize);
        });
        const peak = Math.max(...scores);
        const sum = scores.reduce((total, score) => total + Math.exp(score - peak), 0);
        places.forEach(({ from, at }, j) => {
          const p = Math.exp(scores[j]! - peak) / sum;
          for (let c = column; c < column + headSize; c++) o[row * width + c]! += p * from[at + width + c]!;
        });
      }
    }
    return { o };
  },
  lower: ({ inputs, attributes: { heads, promptLength, beams }, outputs }) => {
    const [rows, width] = matrixShape(inputs.q);
    const capacity = elements(inputs.origins.shape) / rows;
    return [
      {
        shader: 'cached-attention',
        constants: { WORKGROUP: 16, HEAD_VECTORS: width / heads / 4 },
        bindings: { ...inputs, ...outputs },
        params: { rows, heads, beams, promptLength, capacity, scale: Math.sqrt(heads / width) },
        workgroups: grid(Math.ceil((rows * heads) / 16)),
        // Of a full cache: how much of it there is, only the device knows.
        flops: rows * (promptLength + capacity) * (4 * width + 6 * heads),
      },
    ];
  },
};

/**
 * @param inputs `q [rows, hiddenSize]`; `prompt [prompts · promptLength, 2 · hiddenSize]` and `generated [capacity · rows, 2 · hiddenSize]`
 *   as `appendToCache` writes them; `promptLengths [prompts]` u32; `origins [rows · capacity]` u32: the row in which time t of a row was
 *   computed; `slot [1]` u32: the last time there is
 * @param attributes row r goes on from prompt `floor(r / beams)`; the head size is a multiple of 4
 * @returns `[rows, hiddenSize]`
 */
export function cachedAttention(graph: GraphBuilder, inputs: CachedInputs, attributes: CachedAttributes): Tensor {
  if ((inputs.q.shape[1]! / attributes.heads) % 4) throw new Error('cachedAttention: head sizes are multiples of 4');
  return graph.apply(cachedAttentionOperation, inputs, attributes, { o: inputs.q.shape }).o;
}
