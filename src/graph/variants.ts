/**
 * The variants of the matmul and which adapter they suit.
 *
 * `block…` are register tiles without shared memory (`shaders/linear.wgsl`): best on software adapters, where a load costs ten times
 * a multiplication and a barrier a thousand. `tiled…` share tiles of both operands in a workgroup (`shaders/linear-tiled.wgsl`):
 * best on GPUs. All add products in the same order, so the choice changes speed, not the result on one device.
 */
import type { LinearVariant } from './tensor';

function block(rows: number, vectors: number, threadsX: number, threadsY: number): LinearVariant {
  return {
    shader: 'linear',
    constants: { ROWS: rows, VECTORS: vectors, THREADS_X: threadsX, THREADS_Y: threadsY },
    rolled: rows * vectors > 16,
    tile: [rows * threadsY, vectors * 4 * threadsX],
  };
}

export const linearVariants: Readonly<Record<string, LinearVariant>> = {
  'block 16×16': block(16, 4, 4, 1),
  'block 8×16': block(8, 4, 4, 1),
  'block 8×8': block(8, 2, 4, 1),
  'block 8×8 tall': block(8, 2, 1, 4),
  'block 8×4': block(8, 1, 8, 4),
};
