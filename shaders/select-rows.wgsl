// y[r, :] = x[r · stride + at(r), :]; GRADIENT: y[r · stride + at(r), :] = x[r, :], all other rows 0. at(r) is 0, or with LAST
// lengths[r] - 1. `count`: values in y.

struct Params { count: u32, columns: u32, stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
//#if LAST
@group(0) @binding(3) var<storage, read_write> lengths: array<u32>;
fn place(row: u32) -> u32 { return lengths[row] - 1u; }
//#else
fn place(row: u32) -> u32 { return 0u; }
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (at >= params.count) { return; }
  let row = at / params.columns;
  let column = at % params.columns;
//#if GRADIENT
  y[at] = 0.0;
  if (row % params.stride == place(row / params.stride)) { y[at] = x[row / params.stride * params.columns + column]; }
//#else
  y[at] = x[(row * params.stride + place(row)) * params.columns + column];
//#endif
}
