// The plain variant of `linear` (see linear-interface.wgsl): no shared memory. A thread keeps ROWS × VECTORS vec4 sums in registers and
// reads x and W four values at a time straight from memory; inner and columns are multiples of 4.
// Best where there is no real workgroup memory: on software adapters, whose loads cost far more than their arithmetic, so that only a
// larger register tile helps.
//#include "linear-interface"

@compute @workgroup_size(THREADS_X, THREADS_Y)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let tile = tileOf(group);
  let across = params.columns / 4u;
  let column = (tile.x * THREADS_X + local.x) * VECTORS;
  let row = (tile.y * THREADS_Y + local.y) * ROWS;
  if (column >= across || row >= params.rows) { return; }
  let deep = params.inner / 4u;
//#for r ROWS
  let row{r} = min(row + {r}u, params.rows - 1u);
//#endfor
//#for c VECTORS
  let column{c} = min(column + {c}u, across - 1u);
//#for r ROWS
  var s{r}_{c} = vec4f();
//#endfor
//#endfor
  for (var k = 0u; k < deep; k++) {
//#include "linear-weight-blocks"
//#for r ROWS
    let x{r} = loadX(row{r}, k);
//#for c VECTORS
    s{r}_{c} += w{c} * x{r};
//#endfor
//#endfor
  }
//#include "linear-finish"
}
