// The GPU variant of `linear` (see linear-interface.wgsl): a workgroup computes ROWS · THREADS_Y × 4 · VECTORS · THREADS_X outputs from
// tiles of x and W that it reads once into shared memory, 4 · DEPTH values of `inner` a turn; a thread keeps ROWS × VECTORS vec4 sums.
// Both tiles lie k-major, so that one read gives a thread four rows of x, or four columns of W, at one k; what is stored the other way
// round is transposed in registers, 4 × 4 at a time. ROWS is 4 · ROW_VECTORS.
//#include "linear-interface"

const THREADS = THREADS_X * THREADS_Y;
// Of four rows, and of four columns.
const ROW_GROUPS = ROW_VECTORS * THREADS_Y;
const COLUMN_GROUPS = VECTORS * THREADS_X;
const X_BLOCKS = ROW_GROUPS * DEPTH;
const W_BLOCKS = COLUMN_GROUPS * DEPTH;

var<workgroup> xTile: array<vec4f, 4u * X_BLOCKS>; // [k, row group]
var<workgroup> wTile: array<vec4f, 4u * W_BLOCKS>; // [k, column group]

@compute @workgroup_size(THREADS_X, THREADS_Y)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32) {
  let tile = tileOf(group);
  let across = params.columns / 4u;
  let deep = params.inner / 4u;
  let column = tile.x * COLUMN_GROUPS + local.x * VECTORS;
  let row = (tile.y * THREADS_Y + local.y) * ROWS;
//#for r ROWS
//#for c VECTORS
  var s{r}_{c} = vec4f();
//#endfor
//#endfor
  for (var k0 = 0u; k0 < deep; k0 += DEPTH) {
    // Each turn of this loop fills one 4 × 4 block of a tile. Past the end of `inner` it is zero; past rows or columns nothing is stored.
    for (var i = index; i < X_BLOCKS + W_BLOCKS; i += THREADS) {
      if (i < X_BLOCKS) {
        let depth = i / ROW_GROUPS;
        let k = k0 + depth;
        let first = (tile.y * ROW_GROUPS + i % ROW_GROUPS) * 4u;
        var block = mat4x4f();
        if (k < deep) {
          let last = params.rows - 1u;
          block = transpose(mat4x4f(loadX(min(first, last), k), loadX(min(first + 1u, last), k), loadX(min(first + 2u, last), k), loadX(min(first + 3u, last), k)));
        }
        let at = depth * 4u * ROW_GROUPS + i % ROW_GROUPS;
        xTile[at] = block[0];
        xTile[at + ROW_GROUPS] = block[1];
        xTile[at + 2u * ROW_GROUPS] = block[2];
        xTile[at + 3u * ROW_GROUPS] = block[3];
      } else {
        let j = i - X_BLOCKS;
        let depth = j / COLUMN_GROUPS;
        let k = k0 + depth;
        let columns = min(tile.x * COLUMN_GROUPS + j % COLUMN_GROUPS, across - 1u);
        var block = mat4x4f();
        if (k < deep) {
//#if NK
          let base = columns * 4u * deep + k;
          block = transpose(mat4x4f(loadWeight(base), loadWeight(base + deep), loadWeight(base + 2u * deep), loadWeight(base + 3u * deep)));
//#else
          let base = k * 4u * across + columns;
          block = mat4x4f(loadWeight(base), loadWeight(base + across), loadWeight(base + 2u * across), loadWeight(base + 3u * across));
//#endif
        }
        let at = depth * 4u * COLUMN_GROUPS + j % COLUMN_GROUPS;
        wTile[at] = block[0];
        wTile[at + COLUMN_GROUPS] = block[1];
        wTile[at + 2u * COLUMN_GROUPS] = block[2];
        wTile[at + 3u * COLUMN_GROUPS] = block[3];
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 4u * DEPTH; k++) {
//#for c VECTORS
      let w{c} = wTile[k * COLUMN_GROUPS + local.x * VECTORS + {c}u];
//#endfor
      var rows: array<vec4f, ROW_VECTORS>;
//#for g ROW_VECTORS
      rows[{g}] = xTile[k * ROW_GROUPS + local.y * ROW_VECTORS + {g}u];
//#endfor
//#for r ROWS
      let x{r} = rows[{r}u / 4u][{r}u % 4u];
//#for c VECTORS
      s{r}_{c} += x{r} * w{c};
//#endfor
//#endfor
    }
    workgroupBarrier();
  }
//#include "linear-finish"
}
