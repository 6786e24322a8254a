/**
 * The cases of the self-check: every kernel that training runs, at a size the float64 interpreter can follow and at one worth timing.
 */
import type { KernelSpeed } from './check';
import type { Graph } from '../graph/graph';
import { attention } from '../graph/ops/attention';
import { activation, add, dropout } from '../graph/ops/elementwise';
import { embedding } from '../graph/ops/embedding';
import { hutFactors, hutTransform } from '../graph/ops/hut';
import { languageModelLoss } from '../graph/ops/language-model';
import { layerNorm } from '../graph/ops/layer-norm';
import { linear } from '../graph/ops/linear';
import { loss } from '../graph/ops/loss';
import { selectRows } from '../graph/ops/select';
import { spanLoss } from '../graph/ops/span-loss';
import type { Tensor } from '../graph/tensor';

export interface Size {
  readonly batchSize: number;
  readonly length: number;
  /** A multiple of 64, the head size. */
  readonly hiddenSize: number;
}

/** Odd in rows and no multiple of a tile in columns, so that every edge of a tile is met. */
export const smallSize: Size = { batchSize: 3, length: 11, hiddenSize: 192 };

/** What is timed: a layer of a base model on a GPU, a tenth of one on a software adapter. */
export const timedSize = (software: boolean): Size =>
  software ? { batchSize: 4, length: 64, hiddenSize: 256 } : { batchSize: 16, length: 128, hiddenSize: 1024 };

/** A kernel of a case whose speed is told. */
export interface Timed {
  /** Name of the operation, as in a program's calls. */
  readonly operation: string;
  readonly title: string;
  readonly unit: KernelSpeed['unit'];
}

export interface KernelCase {
  readonly id: string;
  readonly title: string;
  readonly timed: readonly Timed[];
  build(graph: Graph, size: Size): Tensor;
  values?(size: Size): Record<string, ArrayLike<number>>;
}

const headSize = 64;
const rank = 8;

const rows = ({ batchSize, length }: Size) => batchSize * length;
/** Rows of every length from one to all. */
const rowLengths = ({ batchSize, length }: Size) =>
  Uint32Array.from({ length: batchSize }, (_, i) => Math.max(1, Math.round((length * (batchSize - i)) / batchSize)));
const ids = (count: number, vocabulary: number) =>
  Uint32Array.from({ length: count }, (_, i) => (i * 7919) % vocabulary);
const vocabulary = 1000;

const product = (operation = 'linear', title = 'product'): Timed => ({ operation, title, unit: 'GFLOP/s' });
const stream = (operation: string, title: string): Timed => ({ operation, title, unit: 'GB/s' });

function trained(layout: 'nk' | 'kn'): KernelCase['build'] {
  return (g, size) => {
    const { hiddenSize: h } = size;
    const weight = g.parameter('w', [h, h]);
    return linear(
      g,
      { x: g.parameter('x', [rows(size), h]), weight, bias: g.parameter('b', [h]) },
      { layout, alpha: 0.7 },
    );
  };
}

function attentionCase(options: {
  causal?: boolean;
  probability?: number;
  site?: number;
}): Pick<KernelCase, 'build' | 'values'> {
  return {
    build: (g, size) => {
      const { hiddenSize, length } = size;
      const of = (name: string) => g.parameter(name, [rows(size), hiddenSize]);
      const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: g.input('lengths', [size.batchSize], 'u32') };
      return attention(g, inputs, { heads: hiddenSize / headSize, length, ...options });
    },
    values: (size) => ({ lengths: rowLengths(size) }),
  };
}

/** Padding is read too. @param distinct number of ids, of which all others are repetitions */
function embeddingCase(
  distinct: number,
  table: (g: Graph, name: string, shape: readonly number[]) => Tensor,
): Pick<KernelCase, 'build' | 'values'> {
  return {
    build: (g, size) => {
      const { hiddenSize: h, length } = size;
      const tokens = (name: string) => g.input(name, [rows(size)], 'u32');
      const tables = {
        word: [table(g, 'word', [vocabulary, h])],
        position: table(g, 'position', [length + 2, h]),
        typeTable: table(g, 'type', [2, h]),
      };
      const inputs = {
        ids: tokens('ids'),
        types: tokens('types'),
        lengths: g.input('lengths', [size.batchSize], 'u32'),
      };
      const x = embedding(g, { ...inputs, ...tables }, { length, positionOffset: 2, padPosition: 1, paddingIndex: 1 });
      return add(g, x, g.parameter('p', [rows(size), h]));
    },
    values: (size) => ({ ids: ids(rows(size), distinct), types: ids(rows(size), 2), lengths: rowLengths(size) }),
  };
}

function hutLayer(g: Graph, { hiddenSize: h }: Size) {
  const parameter = (name: string, shape: number[]) => g.parameter(name, shape);
  const trainedFactors = {
    a: parameter('A', [h, rank]),
    b: parameter('B', [rank, h]),
    gamma: parameter('gamma', [h]),
    beta: parameter('beta', [h]),
  };
  return { factors: hutFactors(g, { ...trainedFactors, bias: g.weight('bias', [h]) }), weight: g.weight('w', [h, h]) };
}

export const kernelCases: readonly KernelCase[] = [
  { id: 'linear-nk', title: 'Linear layer, weight [out, in]', timed: [product()], build: trained('nk') },
  { id: 'linear-kn', title: 'Linear layer, weight [in, out]', timed: [product()], build: trained('kn') },
  {
    id: 'linear-f16',
    title: 'Linear layer, weight packed as f16',
    timed: [product()],
    build: (g, size) => {
      const { hiddenSize: h } = size;
      return linear(g, {
        x: g.parameter('x', [rows(size), h]),
        weight: g.weight('w', [h, h], 'f16'),
        bias: g.parameter('b', [h]),
      });
    },
  },
  {
    id: 'linear-fused',
    title: 'Linear layers with LoRA pair, GELU and residual fused in',
    timed: [product()],
    build: (g, size) => {
      const { hiddenSize: h } = size;
      const x = g.parameter('x', [rows(size), h]);
      const pair = linear(
        g,
        { x: linear(g, { x, weight: g.parameter('A', [rank, h]) }), weight: g.parameter('B', [h, rank]) },
        { alpha: 0.1 },
      );
      const up = add(
        g,
        linear(g, { x, weight: g.weight('w1', [h, h]), bias: g.weight('b1', [h]) }, { alpha: 0.2 }),
        pair,
      );
      return add(
        g,
        linear(g, { x: activation(g, up, 'gelu'), weight: g.weight('w2', [h, h]), bias: g.weight('b2', [h]) }),
        x,
      );
    },
  },
  {
    id: 'linear-scalar',
    title: 'Linear layer of odd width (task head)',
    timed: [],
    build: (g, size) =>
      linear(g, {
        x: g.parameter('x', [rows(size), 190]),
        weight: g.parameter('w', [3, 190]),
        bias: g.parameter('b', [3]),
      }),
  },
  {
    id: 'weight-gradient',
    title: 'Gradient of a thin trained weight',
    timed: [product('weightGradient')],
    build: (g, size) =>
      linear(g, {
        x: g.parameter('x', [rows(size), size.hiddenSize]),
        weight: g.parameter('w', [rank, size.hiddenSize]),
      }),
  },
  {
    id: 'hut-fused',
    title: 'HUT, fused: scales in the product, sums over tokens',
    timed: [product(), stream('columnReduce', 'column sums')],
    build: (g, size) => {
      const { factors, weight } = hutLayer(g, size);
      const { rowScale, columnScale, shift } = factors;
      return linear(g, {
        x: g.parameter('x', [rows(size), size.hiddenSize]),
        weight,
        rowScale,
        columnScale,
        bias: shift,
      });
    },
  },
  {
    id: 'hut-materialised',
    title: 'HUT, materialised: the weight transform of Eq. 10',
    timed: [stream('hutTransform', 'transform'), stream('hutTransformGradient', 'its gradient')],
    build: (g, size) => {
      const { factors, weight } = hutLayer(g, size);
      return linear(g, {
        x: g.parameter('x', [rows(size), size.hiddenSize]),
        weight: hutTransform(g, weight, factors, 'nk'),
        bias: factors.shift,
      });
    },
  },
  {
    id: 'attention',
    title: 'Attention over padded rows',
    timed: [product('attention', 'forward'), product('attentionGradient', 'backward')],
    ...attentionCase({}),
  },
  {
    id: 'attention-dropout',
    title: 'Attention with dropout',
    timed: [],
    ...attentionCase({ probability: 0.3, site: 5 }),
  },
  {
    id: 'attention-causal',
    title: 'Attention to what comes before',
    timed: [],
    ...attentionCase({ causal: true }),
  },
  {
    id: 'layer-norm',
    title: 'Layer norm',
    timed: [stream('layerNorm', 'forward'), stream('layerNormGradient', 'backward')],
    build: (g, size) => {
      const { hiddenSize: h } = size;
      return layerNorm(g, g.parameter('x', [rows(size), h]), g.parameter('gamma', [h]), g.parameter('beta', [h]), 1e-5);
    },
  },
  {
    id: 'activation',
    title: 'GELU after a sum, unfused',
    timed: [stream('activation', 'GELU')],
    build: (g, size) => {
      const shape = [rows(size), size.hiddenSize];
      return activation(g, add(g, g.parameter('x', shape), g.input('z', shape)), 'gelu');
    },
  },
  {
    id: 'dropout',
    title: 'Dropout from a counter',
    timed: [stream('dropout', 'forward')],
    build: (g, size) => dropout(g, g.parameter('x', [rows(size), size.hiddenSize]), 0.25, 7),
  },
  {
    id: 'embedding',
    title: 'Embeddings, f16 tables',
    timed: [stream('embedding', 'look-up')],
    ...embeddingCase(vocabulary, (g, name, shape) => g.weight(name, shape, 'f16')),
  },
  {
    id: 'embedding-gradient',
    title: 'Embeddings, trained tables',
    timed: [stream('embeddingGradient', 'gradient')],
    ...embeddingCase(20, (g, name, shape) => g.parameter(name, shape)),
  },
  {
    id: 'select-rows',
    title: 'First token of every row',
    timed: [],
    build: (g, size) => selectRows(g, g.parameter('x', [rows(size), size.hiddenSize]), size.length),
  },
  {
    id: 'cross-entropy',
    title: 'Cross-entropy',
    timed: [],
    build: (g, size) => loss(g, 'crossEntropy', g.parameter('z', [rows(size), 3]), g.input('labels', [rows(size)])),
    values: (size) => ({ labels: ids(rows(size), 3) }),
  },
  {
    id: 'span-loss',
    title: 'Loss of a span’s start and end',
    timed: [],
    build: (g, size) =>
      spanLoss(g, {
        logits: g.parameter('z', [rows(size), 2]),
        starts: g.input('starts', [size.batchSize]),
        ends: g.input('ends', [size.batchSize]),
        lengths: g.input('lengths', [size.batchSize], 'u32'),
      }),
    // The padding behind the longest row counts nothing, and neither does a target in it.
    values: (size) => ({
      lengths: rowLengths(size).map((length) => Math.max(1, length - 2)),
      starts: ids(size.batchSize, size.length - 2),
      ends: Uint32Array.from({ length: size.batchSize }, (_, i) => (i === 1 ? size.length - 1 : i)),
    }),
  },
  {
    id: 'language-model-loss',
    title: 'Language-model loss with its head, in chunks',
    timed: [stream('languageModelLoss', 'all kernels')],
    build: (g, size) =>
      languageModelLoss(
        g,
        {
          hidden: g.parameter('hidden', [rows(size), size.hiddenSize]),
          table: [g.parameter('table', [vocabulary + 1, size.hiddenSize])],
          ids: g.input('ids', [rows(size)], 'u32'),
          lengths: g.input('lengths', [size.batchSize], 'u32'),
          starts: g.input('starts', [size.batchSize]),
        },
        { length: size.length, labelSmoothing: 0.1 },
      ),
    values: (size) => ({
      ids: ids(rows(size), vocabulary),
      lengths: rowLengths(size),
      starts: new Float32Array(size.batchSize).fill(1),
    }),
  },
];
