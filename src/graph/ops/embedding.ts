/**
 * The sum of word, position and token-type embeddings, frozen: `y[n] = word[id] + position[p] + type[t]`.
 *
 * Positions follow from the padded shape: token `i` of a row with `length` real tokens is at `i + positionOffset` (RoBERTa starts at
 * `padTokenId + 1`), and padding is at `padPosition`, as `transformers` computes them for right-padded rows.
 */
import { elements, grid, type GraphBuilder, type Operation, type Tensor } from '../tensor';

const embeddingOperation: Operation = {
  name: 'embedding',
  reference: ({ inputs, attributes, outputs }, values) => {
    const [rows, size] = outputs['y']!.shape as [number, number];
    const [ids, types, lengths] = ['ids', 'types', 'lengths'].map((name) => values(inputs[name]!)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const [word, position, type] = ['word', 'position', 'typeTable'].map((name) => values(inputs[name]!)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const length = Number(attributes['length']);
    const y = new Float64Array(rows * size);
    for (let n = 0; n < rows; n++) {
      const i = n % length;
      const p =
        i < lengths[Math.floor(n / length)]!
          ? i + Number(attributes['positionOffset'])
          : Number(attributes['padPosition'] ?? i);
      for (let j = 0; j < size; j++)
        y[n * size + j] = word[ids[n]! * size + j]! + position[p * size + j]! + type[types[n]! * size + j]!;
    }
    return { y };
  },
  lower: ({ inputs, attributes, outputs }) => {
    const [rows, columns] = outputs['y']!.shape as [number, number];
    const count = (rows * columns) / 2;
    return [
      {
        shader: 'embedding',
        constants: {
          WORKGROUP: 64,
          HALF_WEIGHTS: inputs['word']!.dataType === 'f16',
          PAD_POSITION: attributes['padPosition'] !== undefined,
        },
        bindings: { ...inputs, ...outputs },
        params: {
          rows,
          columns,
          length: Number(attributes['length']),
          positionOffset: Number(attributes['positionOffset']),
          padPosition: Number(attributes['padPosition'] ?? 0),
        },
        workgroups: grid(Math.ceil(count / 64)),
      },
    ];
  },
  flops: ({ outputs }) => 2 * elements(outputs['y']!.shape),
};

/**
 * @param inputs `ids`, `types` `[tokens]` u32; `lengths [batchSize]` u32; tables `[entries, hiddenSize]`, all f32 or all f16
 * @returns `[tokens, hiddenSize]`; hiddenSize must be even
 */
export function embedding(
  graph: GraphBuilder,
  inputs: { ids: Tensor; types: Tensor; lengths: Tensor; word: Tensor; position: Tensor; typeTable: Tensor },
  attributes: { length: number; positionOffset: number; padPosition?: number },
): Tensor {
  return graph.apply(embeddingOperation, inputs, attributes, { y: [inputs.ids.shape[0]!, inputs.word.shape[1]!] })[
    'y'
  ]!;
}
