// Gradient accumulation over micro-batches: total = keep · total + scale · gradient, element by element, four values a thread.

struct Params { count: u32, keep: f32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> total: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i >= params.count / 4u) { return; }
  // The first micro-batch replaces what was there, whatever it was.
  total[i] = select(params.keep * total[i], vec4f(), params.keep == 0.0) + params.scale * gradient[i];
}
