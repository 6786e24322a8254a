// statistics_i = (delta_i, logSumExp_i),  delta_i = dy_i · o_i  for each head: what both gradients of attention need of a query.
// dy, o: [tokens, heads · head size], logSumExp: [tokens, heads], statistics: [tokens, heads, 2]. One thread a query and head.

struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> logSumExp: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i >= params.count) { return; }
  var delta = vec4f();
  for (var c = 0u; c < HEAD_VECTORS; c++) { delta += dy[i * HEAD_VECTORS + c] * o[i * HEAD_VECTORS + c]; }
  statistics[i] = vec2f(delta.x + delta.y + delta.z + delta.w, logSumExp[i]);
}
