// The variant of `linear` (see linear-interface.wgsl) for software adapters with subgroups: the register tile of linear.wgsl, with x
// shared: of four values of a row each thread of a quad loads one (quad.wgsl). A workgroup is one quad: the same ROWS rows,
// 4 · VECTORS columns a thread.
//#include "quad"
//#include "linear-interface"

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) id: u32) {
  let across = params.columns / 4u;
  let deep = params.inner / 4u;
  let tile = tileOf(group);
  let column = (tile.x * 4u + local) * VECTORS;
  let row = tile.y * ROWS;
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
    let four{r} = spread(x{r});
//#for c VECTORS
    s{r}_{c} += w{c} * four{r};
//#endfor
//#endfor
  }
//#include "linear-finish"
}
