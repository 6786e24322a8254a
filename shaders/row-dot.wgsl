// y[n] = Σ_j a[n, j] · b[n, j]; a, b: [rows, columns]. One thread a row.

struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let n = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (n >= params.rows) { return; }
  var sum = 0.0;
  for (var j = 0u; j < params.columns; j++) { sum += a[n * params.columns + j] * b[n * params.columns + j]; }
  y[n] = sum;
}
