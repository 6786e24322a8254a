// y[j] = scale · Σ_p partial[p, j], p in order; partial: [parts, count].

struct Params { parts: u32, count: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let j = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (j >= params.count) { return; }
  var sum = 0.0;
  for (var p = 0u; p < params.parts; p++) { sum += partial[p * params.count + j]; }
  y[j] = params.scale * sum;
}
