/**
 * The gradient of an embedding's table: `y[row] = Σ dy[n]` over the tokens `n` that read the row.
 *
 * Without atomics and in a fixed order: one kernel links the tokens that read the same row, another takes each row of the table
 * along its links and writes the sum, or zero. As in PyTorch, the row at `padding_idx` gets no gradient.
 */
import { grid, matrixShape, type GraphBuilder, type KernelCall, type Operation, type Tensor } from '../tensor';

/** How positions follow from a padded batch. */
export type Positions = {
  /** Tokens of a padded row. */
  readonly length: number;
  /** Position of a row's first token. */
  readonly positionOffset: number;
  /** Position of padding; left out, padding counts on. */
  readonly padPosition?: number;
};

/** The position of token `n`; `lengths` are the rows' numbers of real tokens. */
export function positionOf(n: number, lengths: Float64Array, { length, positionOffset, padPosition }: Positions) {
  const i = n % length;
  return padPosition !== undefined && i >= lengths[Math.floor(n / length)]! ? padPosition : i + positionOffset;
}

type Rows = {
  /** Given: a token reads the row of its position. */
  readonly positions?: Positions | undefined;
  /** The row that gets no gradient, if any. */
  readonly paddingIndex?: number | undefined;
};

type Outputs = {
  y: Tensor;
  /** Two words a token, and one an entry of the table: see `shaders/embedding-links.wgsl`. */
  links: Tensor;
  heads: Tensor;
};

/** Says "none" where a shader expects an index. */
const none = 2 ** 32 - 1;

const embeddingGradientOperation: Operation<{ dy: Tensor; rows: Tensor }, Rows, Outputs> = {
  name: 'embeddingGradient',
  reference: ({ inputs, attributes: { positions, paddingIndex }, outputs }, values) => {
    const [tokens, columns] = matrixShape(inputs.dy);
    const [entries] = matrixShape(outputs.y);
    const [dy, rows] = [values(inputs.dy), values(inputs.rows)];
    const y = new Float64Array(entries * columns);
    for (let n = 0; n < tokens; n++) {
      const row = positions ? positionOf(n, rows, positions) : rows[n]!;
      if (row !== paddingIndex) for (let j = 0; j < columns; j++) y[row * columns + j]! += dy[n * columns + j]!;
    }
    return { y };
  },
  lower: ({ inputs: { dy, rows }, attributes: { positions, paddingIndex = none }, outputs: { y, links, heads } }) => {
    const [tokens, columns] = matrixShape(dy);
    const [entries] = matrixShape(y);
    const { length, positionOffset, padPosition } = positions ?? { length: 1, positionOffset: 0 };
    const link: KernelCall = {
      shader: 'embedding-links',
      constants: { WORKGROUP: 64, POSITIONS: positions !== undefined, PAD_POSITION: padPosition !== undefined },
      bindings: { [positions ? 'lengths' : 'ids']: rows, links, heads },
      params: { tokens, entries, paddingIndex, length, positionOffset, padPosition: padPosition ?? 0 },
      workgroups: grid(Math.ceil(tokens / 64)),
      flops: 0,
    };
    const sum: KernelCall = {
      shader: 'embedding-gradient',
      constants: { WORKGROUP: 64 },
      bindings: { links, heads, dy, gradient: y },
      params: { tokens, entries, columns },
      workgroups: grid(Math.ceil((entries * columns) / 2 / 64)),
      flops: tokens * columns,
    };
    return [link, sum];
  },
};

/**
 * @param inputs `dy [tokens, columns]`, columns even; `rows`: the row that each token reads, `[tokens]` u32, or, with `positions`,
 *   the lengths `[batchSize]` u32 that its position follows from
 * @param shape `[entries, columns]` of the table
 * @returns the gradient of the table
 */
export function embeddingGradient(
  graph: GraphBuilder,
  inputs: { dy: Tensor; rows: Tensor },
  shape: readonly number[],
  attributes: Rows,
): Tensor {
  const [tokens] = matrixShape(inputs.dy);
  return graph.apply(embeddingGradientOperation, inputs, attributes, {
    y: shape,
    links: [tokens, 2],
    heads: [shape[0]!],
  }).y;
}
