// y[b, :] = start[b, :] + share[b] · (end[b, :] - start[b, :]); start, end, y: [rows, columns].

struct Params { count: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> start: array<f32>;
@group(0) @binding(2) var<storage, read_write> end: array<f32>;
@group(0) @binding(3) var<storage, read_write> share: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (at >= params.count) { return; }
  y[at] = mix(start[at], end[at], share[at / params.columns]);
}
