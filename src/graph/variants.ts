/**
 * The variants of the kernels, and which suit an adapter before anything is measured.
 *
 * `block…` are register tiles without shared memory (`shaders/linear.wgsl`): best on software adapters, where a barrier costs a
 * thousand multiplications and a load about fifty, so that only larger tiles help; `quad…` are those whose four threads share what
 * they load (`shaders/linear-quad.wgsl`). What bounds them is the compiler: SwiftShader takes about 0.2 s for 16 × 16 outputs a thread,
 * 0.6 s for 32 × 16. `tiled…` share tiles of both operands in a workgroup (`shaders/linear-tiled.wgsl`): best on GPUs. The `block…` and
 * `quad…` ones add the products of an output in one order, four by four, and agree bit for bit on one device.
 */
import type { AdapterIdentity } from '../gpu/device';
import type { AttentionVariant, KernelChoice, LinearShape, LinearVariant } from './tensor';

/** `rows × columns` outputs a thread. */
function block(rows: number, columns: number, threadsX: number, threadsY: number): LinearVariant {
  return {
    shader: 'linear',
    constants: {
      ROWS: rows,
      VECTORS: columns / 4,
      THREADS_X: threadsX,
      THREADS_Y: threadsY,
      ROLLED: rows * columns > 64,
    },
    tile: [rows * threadsY, columns * threadsX],
  };
}

/** `rows × columns` outputs for each of the four threads of a workgroup, which share what they load of x. */
function quad(rows: number, columns: number): LinearVariant {
  return {
    shader: 'linear-quad',
    constants: { ROWS: rows, VECTORS: columns / 4, QUAD: true, ROLLED: true },
    tile: [rows, columns * 4],
  };
}

/** `rows × columns` outputs a thread of 16 × 16, `4 · depth` values of `inner` a turn; both tiles fit the 16 KiB that every device has. */
function tiled(rows: number, columns: number, depth: number): LinearVariant {
  const threads = 16;
  return {
    shader: 'linear-tiled',
    constants: {
      ROWS: rows,
      ROW_VECTORS: rows / 4,
      VECTORS: columns / 4,
      DEPTH: depth,
      THREADS_X: threads,
      THREADS_Y: threads,
    },
    tile: [rows * threads, columns * threads],
  };
}

/** Workgroups have a multiple of 4 threads: the width of a software adapter's lanes. Tall ones are for the thin products of LoRA. */
export const linearVariants = {
  'quad 32×16': quad(32, 16),
  'quad 16×16': quad(16, 16),
  'block 16×16': block(16, 16, 4, 1),
  'block 8×16': block(8, 16, 4, 1),
  'block 8×8': block(8, 8, 4, 1),
  'block 8×8 tall': block(8, 8, 1, 4),
  'block 4×4': block(4, 4, 8, 8),
  'block 4×4 tall': block(4, 4, 2, 32),
  'tiled 64×64': tiled(4, 4, 8),
  'tiled 128×64': tiled(8, 4, 4),
  'tiled 128×128': tiled(8, 8, 4),
} as const satisfies Record<string, LinearVariant>;

export type LinearVariantName = keyof typeof linearVariants;

/** Few columns: no thread should have more of them than there are. */
export const isThin = ({ columns }: LinearShape): boolean => columns <= 32;

function softwareVariant(shape: LinearShape, subgroups: boolean): LinearVariantName {
  if (isThin(shape)) return 'block 8×8 tall';
  // A classifier head's few rows and small matrices are not worth a long compilation.
  if (shape.rows <= 16) return 'block 8×8';
  const size = shape.inner * shape.columns;
  if (subgroups) return size >= 2 ** 18 ? 'quad 32×16' : 'quad 16×16';
  return size >= 2 ** 17 ? 'block 16×16' : 'block 8×16';
}

function gpuVariant(shape: LinearShape): LinearVariantName {
  if (isThin(shape)) return 'block 4×4 tall';
  return shape.rows >= 64 ? 'tiled 64×64' : 'block 4×4';
}

/** A thread's own rows share what it loads of the others; on a GPU threads are worth more than that. */
export const attentionVariants = {
  'own 1': { own: 1, block: 4, workgroup: 64, quad: false },
  'own 4': { own: 4, block: 4, workgroup: 4, quad: false },
  'own 4 by quads': { own: 4, block: 8, workgroup: 4, quad: true },
} as const satisfies Record<string, AttentionVariant>;

function attentionVariant(software: boolean, subgroups: boolean): AttentionVariant {
  if (!software) return attentionVariants['own 1'];
  return attentionVariants[subgroups ? 'own 4 by quads' : 'own 4'];
}

/** The choice by rule alone: the same for every device of a kind. */
export function staticChoice({
  software,
  subgroups = false,
}: Pick<AdapterIdentity, 'software' | 'subgroups'>): KernelChoice {
  return {
    linear: (shape) => linearVariants[software ? softwareVariant(shape, subgroups) : gpuVariant(shape)],
    lanesPerRow: software ? 1 : 32,
    attention: () => attentionVariant(software, subgroups),
  };
}
