/**
 * The loss of a language model, with its head: the scores of the next token are products of each state with the embedding of every word.
 *
 *     z_n = W h_n        L_n = (1 - ε) (log Σ e^z - z_t) + ε (log Σ e^z - mean z)        dz = softmax(z) - (1 - ε) onehot(t) - ε / V
 *
 * averaged over the tokens that count. `[tokens, vocabulary]` scores are never stored: tokens are taken in chunks, and what the backward
 * pass needs, `dh = dz W` and where W trains `dW = dzᵀ h`, is computed from a chunk's scores while they are there (as in Liger Kernel's
 * fused linear cross-entropy, arXiv 2410.10989). ε is label smoothing as in PyTorch.
 *
 * Token i of a row predicts token i + 1, and counts where that lies between the row's `start` and its length. A table too large for one
 * binding comes in blocks of rows. Scores are padded to a multiple of four columns, which no kernel reads.
 */
import {
  elements,
  grid,
  isFrozen,
  matrixShape,
  part,
  type GraphBuilder,
  type KernelCall,
  type KernelChoice,
  type Node,
  type Operation,
  type Tensor,
  type Values,
} from '../tensor';
import { linearOperation } from './linear';

export interface LanguageModelInputs {
  /** `[batchSize · length, hiddenSize]` */
  readonly hidden: Tensor;
  /** `[vocabSize, hiddenSize]`, in blocks of rows; of several all are frozen. */
  readonly table: readonly Tensor[];
  /** `[batchSize · length]` u32 */
  readonly ids: Tensor;
  /** `[batchSize]` u32 */
  readonly lengths: Tensor;
  /** `[batchSize]` f32: the first token of each row that is to be predicted. */
  readonly starts: Tensor;
}

/** Scores of a chunk of tokens take about so many bytes. */
const scratchBytes = 16 * 2 ** 20;
const padded = (columns: number) => Math.ceil(columns / 4) * 4;

/** Tokens of a chunk: a multiple of 64, so that its rows of a tensor can be bound. */
function chunkTokens(tokens: number, vocabulary: number): number {
  const most = Math.max(64, Math.floor(scratchBytes / (4 * vocabulary * 64)) * 64);
  return Math.min(most, Math.ceil(tokens / 64) * 64);
}

/** Blocks of the table under names of their own. */
type Blocks = { [block: `table${number}`]: Tensor };
type Inputs = { hidden: Tensor; ids: Tensor; lengths: Tensor; starts: Tensor } & Blocks;
type Attributes = { readonly blocks: number; readonly length: number; readonly labelSmoothing: number };
type Outputs = {
  /** `[1]`, the mean over tokens that count; or `[batchSize, 2]`, each row's sum, and how many count. */
  loss: Tensor;
  dHidden?: Tensor | undefined;
  dTable?: Tensor | undefined;
  /** Of each token: `[tokens]`. */
  tokenLoss: Tensor;
  /** How many tokens count: `[1]`. */
  count: Tensor;
  /** Of each token of a chunk: largest score, sum of exponentials, sum of scores, the target's score. */
  statistics: Tensor;
  /** `[tokens of a chunk, vocabulary]`, padded, of one block after the other. */
  scores: Tensor;
  /** What blocks have given to a chunk's part of `dHidden` so far, and what they gave before. */
  sums?: Tensor | undefined;
};
type LanguageNode = Node<Inputs, Attributes, Outputs>;

const tablesOf = ({ inputs, attributes: { blocks } }: Pick<LanguageNode, 'inputs' | 'attributes'>) =>
  Array.from({ length: blocks }, (_, i) => inputs[`table${i}`]!);

/** A block of the table with its missing rows, which are read as whatever the device gives for them. */
const paddedTable = (table: Tensor) => {
  const [rows, columns] = matrixShape(table);
  return rows % 4 ? part(table, 0, [padded(rows), columns]) : table;
};

/** The product's own kernels, bound to parts of tensors. */
const product = (
  choose: KernelChoice,
  layout: 'nk' | 'kn',
  inputs: { x: Tensor; weight: Tensor; residual?: Tensor },
  y: Tensor,
): KernelCall[] =>
  linearOperation.lower(
    { operation: linearOperation, inputs, attributes: { layout }, outputs: { y }, backward: false },
    choose,
  );

function lower(node: LanguageNode, choose: KernelChoice): KernelCall[] {
  const { inputs, attributes, outputs } = node;
  const { length, labelSmoothing } = attributes;
  const { hidden, ids, lengths, starts } = inputs;
  const { dHidden, dTable, tokenLoss, count, statistics, scores, sums } = outputs;
  const tables = tablesOf(node);
  const [tokens, width] = matrixShape(hidden);
  const batchSize = tokens / length;
  const vocabulary = tables.reduce((sum, table) => sum + matrixShape(table)[0], 0);
  const [chunk] = matrixShape(statistics);
  const rowInputs = { ids, lengths, starts };
  const lanes = Math.min(64, choose.lanesPerRow);
  const calls: KernelCall[] = [
    {
      shader: 'token-count',
      constants: {},
      bindings: { lengths, starts, count },
      params: { rows: batchSize },
      workgroups: [1, 1, 1],
      flops: batchSize,
    },
  ];
  for (let first = 0; first < tokens; first += chunk) {
    const rows = Math.min(chunk, tokens - first);
    const rowsOf = (tensor: Tensor) => part(tensor, first * width, [rows, width]);
    const x = rowsOf(hidden);
    const params = { rows, first, length, vocabulary, smoothing: labelSmoothing };
    // Every block's scores lie behind those of the block before.
    let [from, offset] = [0, 0];
    const blocks = tables.map((table) => {
      const [entries] = matrixShape(table);
      const z = part(scores, offset, [rows, padded(entries)]);
      const own = { ...params, entries, stride: padded(entries), start: from };
      from += entries;
      offset += chunk * padded(entries);
      return { table: paddedTable(table), entries, z, params: own };
    });
    blocks.forEach(({ table, entries, z, params: own }, i) => {
      const last = i === blocks.length - 1;
      calls.push(...product(choose, 'nk', { x, weight: table }, z), {
        shader: 'token-loss',
        constants: { WORKGROUP: 64, LANES: lanes, SHARED: lanes > 1, FIRST: i === 0, LAST: last },
        bindings: { scores: z, ...rowInputs, statistics, ...(last && { tokenLoss }) },
        params: own,
        workgroups: grid(Math.ceil((rows * lanes) / 64)),
        flops: 5 * rows * entries,
        ...(last && { partialBytes: { tokenLoss: 4 * rows } }),
      });
    });
    if (!dHidden && !dTable) continue;
    for (const { entries, z, params: own } of blocks)
      calls.push({
        shader: 'token-loss-gradient',
        constants: { WORKGROUP: 64 },
        bindings: { scores: z, ...rowInputs, statistics, count },
        params: own,
        workgroups: grid(Math.ceil(elements(z.shape) / 4 / 64)),
        flops: 5 * rows * entries,
      });
    if (dHidden) {
      // Each block adds to what those before it gave; the last one's sum is the result.
      let before: Tensor | undefined;
      blocks.forEach(({ table, z }, i) => {
        const y = i === blocks.length - 1 ? rowsOf(dHidden) : part(sums!, (i % 2) * chunk * width, [rows, width]);
        calls.push(...product(choose, 'kn', { x: z, weight: table, ...(before && { residual: before }) }, y));
        before = y;
      });
    }
    if (dTable)
      calls.push({
        shader: 'table-gradient',
        constants: { WORKGROUP: 64, FIRST: first === 0 },
        bindings: { scores: blocks[0]!.z, hidden: x, dTable },
        params: { rows, entries: vocabulary, stride: padded(vocabulary), columns: width },
        workgroups: grid(Math.ceil(((padded(vocabulary) / 4) * (width / 4)) / 64)),
        flops: 2 * rows * vocabulary * width,
      });
  }
  calls.push({
    shader: 'token-loss-sum',
    constants: { ROWS: outputs.loss.shape.length > 1 },
    bindings: { tokenLoss, lengths, starts, loss: outputs.loss },
    params: { rows: batchSize, length },
    workgroups: [1, 1, 1],
    flops: tokens,
  });
  return calls;
}

function reference({ inputs, attributes, outputs }: LanguageNode, values: Values) {
  const { length, labelSmoothing } = attributes;
  const [tokens, width] = matrixShape(inputs.hidden);
  const [h, ids] = [values(inputs.hidden), values(inputs.ids)];
  const [lengths, starts] = [values(inputs.lengths), values(inputs.starts)];
  const table = tablesOf({ inputs, attributes }).flatMap((block) => Array.from(values(block)));
  const vocabulary = table.length / width;
  const counts = (n: number) => {
    const [row, next] = [Math.floor(n / length), (n % length) + 1];
    return next >= starts[row]! && next < lengths[row]!;
  };
  let count = 0;
  for (let n = 0; n < tokens; n++) if (counts(n)) count++;
  const [dHidden, dTable] = [new Float64Array(h.length), new Float64Array(table.length)];
  const rows = new Float64Array((tokens / length) * 2);
  for (let n = 0; n < tokens; n++) {
    if (!counts(n)) continue;
    const z = Array.from({ length: vocabulary }, (_, v) => {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += h[n * width + j]! * table[v * width + j]!;
      return sum;
    });
    const peak = z.reduce((most, value) => Math.max(most, value));
    const sum = z.reduce((total, value) => total + Math.exp(value - peak), 0);
    const logSumExp = peak + Math.log(sum);
    const target = ids[n + 1]!;
    const mean = z.reduce((total, value) => total + value, 0) / vocabulary;
    const row = Math.floor(n / length);
    rows[2 * row]! += (1 - labelSmoothing) * (logSumExp - z[target]!) + labelSmoothing * (logSumExp - mean);
    rows[2 * row + 1]!++;
    z.forEach((value, v) => {
      const dz =
        (Math.exp(value - logSumExp) - labelSmoothing / vocabulary - (v === target ? 1 - labelSmoothing : 0)) / count;
      for (let j = 0; j < width; j++) {
        dHidden[n * width + j]! += dz * table[v * width + j]!;
        dTable[v * width + j]! += dz * h[n * width + j]!;
      }
    });
  }
  if (outputs.loss.shape.length > 1) return { loss: rows };
  let total = 0;
  for (let i = 0; i < rows.length; i += 2) total += rows[i]!;
  return { loss: Float64Array.of(total / Math.max(1, count)), dHidden, dTable };
}

const lossOperation: Operation<Inputs, Attributes, Outputs> = {
  name: 'languageModelLoss',
  optionalOutputs: ['dHidden', 'dTable'],
  reference,
  vjp: (graph, node, { loss: dy }, wanted) => {
    // The gradients are computed with the loss, before anything could be known of what it is a part of.
    if (dy?.constant !== 1) throw new Error('the loss of a language model can be a summand of what is differentiated');
    const { hidden, table0 } = node.inputs;
    return {
      ...(wanted('hidden') && { hidden: graph.addOutput(node, 'dHidden', hidden.shape) }),
      ...(wanted('table0') && { table0: graph.addOutput(node, 'dTable', table0!.shape) }),
    };
  },
  lower,
};

const scoresOperation: Operation<Inputs, Attributes, Outputs> = { name: 'languageModelScores', reference, lower };

function apply(
  graph: GraphBuilder,
  operation: typeof lossOperation,
  { hidden, table, ids, lengths, starts }: LanguageModelInputs,
  attributes: Omit<Attributes, 'blocks'>,
  shape: readonly number[],
): Tensor {
  const [tokens, width] = matrixShape(hidden);
  if (table.length > 1 && !table.every(isFrozen))
    throw new Error('languageModelLoss: a table in blocks must be frozen');
  if (width % 4) throw new Error(`languageModelLoss: states of ${width} values; they must be a multiple of 4`);
  const columns = table.reduce((sum, block) => sum + padded(matrixShape(block)[0]), 0);
  const chunk = chunkTokens(tokens, columns);
  const blocks = Object.fromEntries(table.map((block, i) => [`table${i}`, block]));
  return graph.apply(
    operation,
    { hidden, ids, lengths, starts, ...blocks },
    { ...attributes, blocks: table.length },
    {
      loss: shape,
      tokenLoss: [tokens],
      count: [1],
      statistics: [chunk, 4],
      scores: [chunk, columns],
      ...(table.length > 1 && { sums: [2, chunk, width] }),
    },
  ).loss;
}

/** @returns `[1]`: the mean over the tokens that count; zero where none does */
export const languageModelLoss = (
  graph: GraphBuilder,
  inputs: LanguageModelInputs,
  attributes: { readonly length: number; readonly labelSmoothing: number },
): Tensor => apply(graph, lossOperation, inputs, attributes, [1]);

/** @returns `[batchSize, 2]`: a row's summed negative log-likelihood, without smoothing, and how many of its tokens count */
export const languageModelScores = (
  graph: GraphBuilder,
  inputs: LanguageModelInputs,
  { length }: { readonly length: number },
): Tensor =>
  apply(graph, scoresOperation, inputs, { length, labelSmoothing: 0 }, [matrixShape(inputs.hidden)[0] / length, 2]);

const logitsOperation: Operation<{ hidden: Tensor; table: Tensor }, object, { y: Tensor }> = {
  name: 'languageModelLogits',
  reference: ({ inputs, outputs }, values) => {
    const [rows, stride] = matrixShape(outputs.y);
    const [entries, width] = matrixShape(inputs.table);
    const [h, w] = [values(inputs.hidden), values(inputs.table)];
    const y = new Float64Array(rows * stride);
    for (let n = 0; n < rows; n++)
      for (let v = 0; v < entries; v++)
        for (let j = 0; j < width; j++) y[n * stride + v]! += h[n * width + j]! * w[v * width + j]!;
    return { y };
  },
  lower: ({ inputs: { hidden, table }, outputs: { y } }, choose) =>
    product(choose, 'nk', { x: hidden, weight: paddedTable(table) }, y),
};

/** @returns for each block of the table `[rows, its rows rounded up to a multiple of 4]`; the columns beyond them mean nothing */
export const languageModelLogits = (graph: GraphBuilder, hidden: Tensor, table: readonly Tensor[]): Tensor[] =>
  table.map(
    (block) =>
      graph.apply(
        logitsOperation,
        { hidden, table: block },
        {},
        {
          y: [matrixShape(hidden)[0], padded(matrixShape(block)[0])],
        },
      ).y,
  );
