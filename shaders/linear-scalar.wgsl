// The variant of `linear` (see linear-interface.wgsl) for sizes that are no multiple of 4: one thread an output. Classifier
// heads of two or three labels and LoRA ranks such as 3 come here.
//#include "linear-interface"

@compute @workgroup_size(THREADS_X, THREADS_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let across = params.columns;
  let column = id.x;
  let row = id.y;
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
