/**
 * The sum of word, position and (where a model has them) token-type embeddings: `y[n] = word[id] + position[p] + type[t]`.
 *
 * A word table too large for one binding comes in blocks of rows; those after the first are added by dispatches of their own.
 *
 * Positions follow from the padded shape: token `i` of a row with `length` real tokens is at `i + positionOffset` (RoBERTa starts at
 * `padTokenId + 1`), and padding is at `padPosition`, as `transformers` computes them for right-padded rows. A trained table gets no
 * gradient in the row of padding, as with `torch.nn.Embedding`'s `padding_idx`.
 */
import type { Graph } from '../graph';
import { embeddingGradient, positionOf, type Positions } from './embedding-gradient';
import {
  byteLength,
  bytesPerElement,
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
  lengths: Tensor;
  word: Tensor;
  position: Tensor;
  types?: Tensor | undefined;
  typeTable?: Tensor | undefined;
  positions?: Tensor | undefined;
};
type EmbeddingAttributes = Positions & {
  /** The row of the word table that gets no gradient. */
  readonly paddingIndex?: number;
};

/** A row a token is read of a table, at most all of it. */
const rowsRead = (table: Tensor, tokens: number) =>
  Math.min(byteLength(table), tokens * matrixShape(table)[1] * bytesPerElement(table));

const embeddingOperation: Operation<EmbeddingInputs, EmbeddingAttributes, { y: Tensor }> = {
  name: 'embedding',
  reference: ({ inputs, attributes, outputs }, values) => {
    const [rows, size] = matrixShape(outputs.y);
    const [entries] = matrixShape(inputs.word);
    const [ids, lengths] = [values(inputs.ids), values(inputs.lengths)];
    const [word, position] = [values(inputs.word), values(inputs.position)];
    const positions = inputs.positions && values(inputs.positions);
    const types = inputs.types && values(inputs.types);
    const type = inputs.typeTable && values(inputs.typeTable);
    const y = new Float64Array(rows * size);
    for (let n = 0; n < rows; n++) {
      const p = positions?.[n] ?? positionOf(n, lengths, attributes);
      for (let j = 0; j < size; j++)
        y[n * size + j] =
          (ids[n]! < entries ? word[ids[n]! * size + j]! : 0) +
          position[p * size + j]! +
          (types && type ? type[types[n]! * size + j]! : 0);
    }
    return { y };
  },
  vjp: (graph, { inputs, attributes }, { y: dy }, wanted) => {
    if (!dy) return {};
    const { ids, types, lengths, word, position, positions: given, typeTable } = inputs;
    const { paddingIndex, ...positions } = attributes;
    const atPosition = given ? {} : { positions, paddingIndex: positions.padPosition };
    return {
      ...(wanted('word') && { word: embeddingGradient(graph, { dy, rows: ids }, word.shape, { paddingIndex }) }),
      ...(wanted('position') && {
        position: embeddingGradient(graph, { dy, rows: given ?? lengths }, position.shape, atPosition),
      }),
      ...(types &&
        typeTable &&
        wanted('typeTable') && {
          typeTable: embeddingGradient(graph, { dy, rows: types }, typeTable.shape, {}),
        }),
    };
  },
  lower: ({ inputs, attributes: { length, positionOffset, padPosition }, outputs }) => {
    const [rows, columns] = matrixShape(outputs.y);
    const { word, position, typeTable } = inputs;
    return [
      {
        shader: 'embedding',
        constants: {
          WORKGROUP: 64,
          HALF_WEIGHTS: word.dataType === 'f16',
          FROZEN_WORD: isFrozen(word),
          FROZEN_POSITION: isFrozen(position),
          HAS_TYPES: typeTable !== undefined,
          FROZEN_TYPE: typeTable !== undefined && isFrozen(typeTable),
          GIVEN_POSITIONS: inputs.positions !== undefined,
          PAD_POSITION: padPosition !== undefined,
        },
        bindings: { ...inputs, ...outputs },
        params: {
          rows,
          columns,
          entries: matrixShape(word)[0],
          length,
          positionOffset,
          padPosition: padPosition ?? 0,
        },
        workgroups: grid(Math.ceil((rows * columns) / 2 / 64)),
        flops: (typeTable ? 2 : 1) * rows * columns,
        partialBytes: {
          word: rowsRead(word, rows),
          position: rowsRead(position, rows),
          ...(typeTable && { typeTable: rowsRead(typeTable, rows) }),
        },
      },
    ];
  },
};

/** `y = base + word[id - from]` for the ids of a block of rows, `base` for all others. */
const embeddingBlockOperation: Operation<
  { ids: Tensor; word: Tensor; base: Tensor },
  { readonly from: number },
  { y: Tensor }
> = {
  name: 'embeddingBlock',
  reference: ({ inputs, attributes: { from }, outputs }, values) => {
    const [, size] = matrixShape(outputs.y);
    const [entries] = matrixShape(inputs.word);
    const [ids, word] = [values(inputs.ids), values(inputs.word)];
    return {
      y: values(inputs.base).map((value, at) => {
        const row = ids[Math.floor(at / size)]! - from;
        return value + (row >= 0 && row < entries ? word[row * size + (at % size)]! : 0);
      }),
    };
  },
  vjp: (_graph, _node, { y: dy }) => ({ base: dy }),
  lower: ({ inputs, attributes: { from }, outputs }) => {
    const [rows, columns] = matrixShape(outputs.y);
    const { word } = inputs;
    return [
      {
        shader: 'embedding-block',
        constants: { WORKGROUP: 64, HALF_WEIGHTS: word.dataType === 'f16', FROZEN: isFrozen(word) },
        bindings: { ...inputs, ...outputs },
        params: { rows, columns, entries: matrixShape(word)[0], start: from },
        workgroups: grid(Math.ceil((rows * columns) / 2 / 64)),
        flops: rows * columns,
        partialBytes: { word: rowsRead(word, rows) },
      },
    ];
  },
};

/**
 * @param inputs `ids`, `types` `[tokens]` u32; `lengths [batchSize]` u32; tables `[entries, hiddenSize]`, all f32 or all f16, that of words
 *   in blocks of rows, of which several are frozen; `positions [tokens]` u32 where they do not follow from the padded shape
 * @returns `[tokens, hiddenSize]`; hiddenSize must be even
 */
export function embedding(
  graph: GraphBuilder,
  { word: blocks, ...inputs }: Omit<EmbeddingInputs, 'word'> & { word: readonly Tensor[] },
  attributes: EmbeddingAttributes,
): Tensor {
  const [word, ...others] = blocks as [Tensor, ...Tensor[]];
  const [entries, columns] = matrixShape(word);
  for (const table of [inputs.position, inputs.typeTable, ...others])
    if (table && table.dataType !== word.dataType)
      throw new Error(`embedding: ${word.name} is ${word.dataType}, but not all tables are`);
  const given = { ...inputs, word };
  let { y } = graph.apply(embeddingOperation, given, attributes, { y: [elements(inputs.ids.shape), columns] });
  let from = entries;
  for (const block of others) {
    if (!isFrozen(block)) throw new Error(`embedding: ${block.name} trains, and is one of several blocks`);
    y = graph.apply(embeddingBlockOperation, { ids: inputs.ids, word: block, base: y }, { from }, { y: y.shape }).y;
    from += matrixShape(block)[0];
  }
  return y;
}

/**
 * Rows of a table by their numbers.
 *
 * @param ids `[rows]` u32 @param blocks the table, in blocks of rows @returns `[rows, columns]`
 */
export function tableRows(graph: Graph, ids: Tensor, blocks: readonly Tensor[]): Tensor {
  let y = graph.constant(0, [elements(ids.shape), matrixShape(blocks[0]!)[1]]);
  let from = 0;
  for (const word of blocks) {
    y = graph.apply(embeddingBlockOperation, { ids, word, base: y }, { from }, { y: y.shape }).y;
    from += matrixShape(word)[0];
  }
  return y;
}
