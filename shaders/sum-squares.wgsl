// partial[first + g] = Σ gradient[i]², i = the 4 · WORKGROUP · PER_THREAD values of workgroup g < parts, in a fixed order: four sums a
// thread, added thread by thread.

struct Params { count: u32, parts: u32, first: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
var<workgroup> sums: array<vec4f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let group = id.y * groups.x + id.x;
  if (group >= params.parts) { return; }
  var sum = vec4f();
  for (var k = 0u; k < PER_THREAD; k++) {
    let i = (group * PER_THREAD + k) * WORKGROUP + local;
    if (i < params.count / 4u) { sum += gradient[i] * gradient[i]; }
  }
  sums[local] = sum;
  workgroupBarrier();
  if (local == 0u) {
    var total = 0.0;
    for (var t = 0u; t < WORKGROUP; t++) {
      for (var k = 0u; k < 4u; k++) { total += sums[t][k]; }
    }
    partial[params.first + group] = total;
  }
}
