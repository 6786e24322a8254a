// The plain variant of `linear` (see linear-interface.wgsl): no shared memory. A thread keeps ROWS × VECTORS vec4 sums in registers and
// reads x and W four values at a time straight from memory; inner and columns are multiples of 4.
// Best where there is no real workgroup memory: on software adapters, whose loads cost far more than their arithmetic, so that only a
// larger register tile helps.
//#include "linear-interface"

@compute @workgroup_size(THREADS_X, THREADS_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let across = params.columns / 4u;
  let column = id.x * VECTORS;
  let row = id.y * ROWS;
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
//#for r ROWS
    let x{r} = loadX(row{r}, k);
//#endfor
//#for c VECTORS
//#if NK
    let n{c}_0 = loadWeight((column{c} * 4u) * deep + k);
    let n{c}_1 = loadWeight((column{c} * 4u + 1u) * deep + k);
    let n{c}_2 = loadWeight((column{c} * 4u + 2u) * deep + k);
    let n{c}_3 = loadWeight((column{c} * 4u + 3u) * deep + k);
    let w{c}_0 = vec4f(n{c}_0.x, n{c}_1.x, n{c}_2.x, n{c}_3.x);
    let w{c}_1 = vec4f(n{c}_0.y, n{c}_1.y, n{c}_2.y, n{c}_3.y);
    let w{c}_2 = vec4f(n{c}_0.z, n{c}_1.z, n{c}_2.z, n{c}_3.z);
    let w{c}_3 = vec4f(n{c}_0.w, n{c}_1.w, n{c}_2.w, n{c}_3.w);
//#else
    let w{c}_0 = loadWeight((k * 4u) * across + column{c});
    let w{c}_1 = loadWeight((k * 4u + 1u) * across + column{c});
    let w{c}_2 = loadWeight((k * 4u + 2u) * across + column{c});
    let w{c}_3 = loadWeight((k * 4u + 3u) * across + column{c});
//#endif
//#for r ROWS
    s{r}_{c} += x{r}.x * w{c}_0;
    s{r}_{c} += x{r}.y * w{c}_1;
    s{r}_{c} += x{r}.z * w{c}_2;
    s{r}_{c} += x{r}.w * w{c}_3;
//#endfor
//#endfor
  }
//#include "linear-finish"
}
