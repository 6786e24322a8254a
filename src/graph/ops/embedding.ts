/**
 * The sum of word, position and token-type embeddings: `y[n] = word[id] + position[p] + type[t]`.
 *
 * Positions follow from the padded shape: token `i` of a row with `length` real tokens is at `i + positionOffset` (RoBERTa starts at
 * `padTokenId + 1`), and padding is at `padPosition`, as `transformers` computes them for right-padded rows. A trained table gets no
 * gradient in the row of padding, as with `torch.nn.Embedding`'s `padding_idx`.
 */
import { embeddingGradient, positionOf, type Positions } from './embedding-gradient';
import {
  byteLength,
  elements,
  grid,
  isFrozen,
  matrixShape,
  type GraphBuilder,
  type Operation,
  type Tensor,
} from '../tensor';

type EmbeddingInputs = {
  ids: Tensor;
  types: Tensor;
  lengths: Tensor;
  word: Tensor;
  position: Tensor;
  typeTable: Tensor;
};
type EmbeddingAttributes = Positions & {
  /** The row of the word table that gets no gradient. */
  readonly paddingIndex?: number;
};

const embeddingOperation: Operation<EmbeddingInputs, EmbeddingAttributes, { y: Tensor }> = {
  name: 'embedding',
  reference: ({ inputs, attributes, outputs }, values) => {
    const [rows, size] = matrixShape(outputs.y);
    const [ids, types, lengths] = [values(inputs.ids), values(inputs.types), values(inputs.lengths)];
    const [word, position, type] = [values(inputs.word), values(inputs.position), values(inputs.typeTable)];
    const y = new Float64Array(rows * size);
    for (let n = 0; n < rows; n++) {
      const p = positionOf(n, lengths, attributes);
      for (let j = 0; j < size; j++)
        y[n * size + j] = word[ids[n]! * size + j]! + position[p * size + j]! + type[types[n]! * size + j]!;
    }
    return { y };
  },
  vjp: (graph, { inputs, attributes }, { y: dy }, wanted) => {
    if (!dy) return {};
    const { ids, types, lengths, word, position, typeTable } = inputs;
    const { paddingIndex, ...positions } = attributes;
    const atPosition = { positions, paddingIndex: positions.padPosition };
    return {
      ...(wanted('word') && { word: embeddingGradient(graph, { dy, rows: ids }, word.shape, { paddingIndex }) }),
      ...(wanted('position') && {
        position: embeddingGradient(graph, { dy, rows: lengths }, position.shape, atPosition),
      }),
      ...(wanted('typeTable') && { typeTable: embeddingGradient(graph, { dy, rows: types }, typeTable.shape, {}) }),
    };
  },
  lower: ({ inputs, attributes: { length, positionOffset, padPosition }, outputs }) => {
    const [rows, columns] = matrixShape(outputs.y);
    const pairs = (rows * columns) / 2;
    // A row a token is read of each table, at most all of it.
    const rowsRead = (table: Tensor) =>
      Math.min(byteLength(table), rows * columns * (byteLength(table) / elements(table.shape)));
    return [
      {
        shader: 'embedding',
        constants: {
          WORKGROUP: 64,
          HALF_WEIGHTS: inputs.word.dataType === 'f16',
          FROZEN_WORD: isFrozen(inputs.word),
          FROZEN_POSITION: isFrozen(inputs.position),
          FROZEN_TYPE: isFrozen(inputs.typeTable),
          PAD_POSITION: padPosition !== undefined,
        },
        bindings: { ...inputs, ...outputs },
        params: { rows, columns, length, positionOffset, padPosition: padPosition ?? 0 },
        workgroups: grid(Math.ceil(pairs / 64)),
        flops: 2 * rows * columns,
        partialBytes: {
          word: rowsRead(inputs.word),
          position: rowsRead(inputs.position),
          typeTable: rowsRead(inputs.typeTable),
        },
      },
    ];
  },
};

/**
 * @param inputs `ids`, `types` `[tokens]` u32; `lengths [batchSize]` u32; tables `[entries, hiddenSize]`, all f32 or all f16
 * @returns `[tokens, hiddenSize]`; hiddenSize must be even
 */
export function embedding(graph: GraphBuilder, inputs: EmbeddingInputs, attributes: EmbeddingAttributes): Tensor {
  const [, columns] = matrixShape(inputs.word);
  const { word, position, typeTable } = inputs;
  if (word.dataType !== position.dataType || word.dataType !== typeTable.dataType)
    throw new Error(`embedding: ${word.name} is ${word.dataType}, but not all tables are`);
  return graph.apply(embeddingOperation, inputs, attributes, { y: [elements(inputs.ids.shape), columns] }).y;
}
