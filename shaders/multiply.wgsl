// y = a · weight, element by element.

struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
//#include "weight"
@group(0) @binding(2) var<storage, read_write> a: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i < params.count) { y[i] = a[i] * weightAt(i); }
}
