// y[o] = 1 / ‖W[o, :] + scale · B[o, :] A‖; W: [rows, inner], A: [rank, inner], B: [rows, rank]. A workgroup a row; sums in a fixed order.

struct Params { rows: u32, inner: u32, rank: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
//#include "weight"
@group(0) @binding(2) var<storage, read_write> a: array<f32>;
@group(0) @binding(3) var<storage, read_write> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let o = group.y * groups.x + group.x;
  var sum = 0.0;
  if (o < params.rows) {
    for (var i = local; i < params.inner; i += WORKGROUP) {
      var product = 0.0;
      for (var k = 0u; k < params.rank; k++) { product += b[o * params.rank + k] * a[k * params.inner + i]; }
      let value = weightAt(o * params.inner + i) + params.scale * product;
      sum += value * value;
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  if (local == 0u && o < params.rows) {
    var total = 0.0;
    for (var i = 0u; i < WORKGROUP; i++) { total += sums[i]; }
    y[o] = inverseSqrt(total);
  }
}
