// The variant of `linear` (see linear-interface.wgsl) for software adapters with subgroups: the register tile of linear.wgsl, with x
// shared. There every load is four scalar ones, one a lane, even where all lanes want the same value; so of four values of a row of x
// each lane of a quad loads one and broadcasts it. A workgroup is one quad: the same ROWS rows, 4 · VECTORS columns a thread.
enable subgroups;
//#include "linear-interface"

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) id: u32) {
  let across = params.columns / 4u;
  let deep = params.inner / 4u;
  let column = (group.x * 4u + local) * VECTORS;
  let row = group.y * ROWS;
  let lane = id % 4u;
//#for r ROWS
  let row{r} = min(row + {r}u, params.rows - 1u) * params.inner + lane;
//#endfor
//#for c VECTORS
  let column{c} = min(column + {c}u, across - 1u);
//#for r ROWS
  var s{r}_{c} = vec4f();
//#endfor
//#endfor
  for (var k = 0u; k < deep; k++) {
//#include "linear-weight-blocks"
//#if HAS_ROW_SCALE
    let scale = rowScale[4u * k + lane];
//#endif
//#for r ROWS
//#if HAS_ROW_SCALE
    let x{r} = x[row{r} + 4u * k] * scale;
//#else
    let x{r} = x[row{r} + 4u * k];
//#endif
    let q{r} = vec4f(quadBroadcast(x{r}, 0u), quadBroadcast(x{r}, 1u), quadBroadcast(x{r}, 2u), quadBroadcast(x{r}, 3u));
//#for c VECTORS
    s{r}_{c} += w{c} * q{r};
//#endfor
//#endfor
  }
//#include "linear-finish"
}
