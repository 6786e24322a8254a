// The variant of `linear` (see linear-interface.wgsl) for sizes that are no multiple of 4: one thread an output. Classifier
// heads of two or three labels and LoRA ranks such as 3 come here.
//#include "linear-interface"

@compute @workgroup_size(THREADS_X, THREADS_Y)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let tile = tileOf(group);
  let across = params.columns;
  let column = tile.x * THREADS_X + local.x;
  let row = tile.y * THREADS_Y + local.y;
  if (column >= across || row >= params.rows) { return; }
  var s0_0 = 0.0;
  for (var k = 0u; k < params.inner; k++) {
//#if NK
    s0_0 += loadX(row, k) * loadWeight(column * params.inner + k);
//#else
    s0_0 += loadX(row, k) * loadWeight(k * across + column);
//#endif
  }
//#include "linear-finish"
}
