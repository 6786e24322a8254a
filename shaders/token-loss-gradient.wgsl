// scores become their own gradients: dz = (softmax(z) - ε / V - (1 - ε) onehot(target)) / count, 0 for a token that does not count and
// beyond the block's words; four columns a thread. Names as in `token-loss`.

struct Params { rows: u32, first: u32, length: u32, vocabulary: u32, smoothing: f32, entries: u32, stride: u32, start: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(4) var<storage, read_write> starts: array<f32>;
@group(0) @binding(5) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> count: array<f32>;
//#include "token-counts"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  let vectors = params.stride / 4u;
  let row = at / vectors;
  if (row >= params.rows) { return; }
  let n = params.first + row;
  if (!counts(n)) {
    scores[at] = vec4f();
    return;
  }
  let columns = at % vectors * 4u + vec4u(0u, 1u, 2u, 3u);
  let logSumExp = statistics[row].x + log(statistics[row].y);
  let next = ids[n + 1u] - params.start;
  let hit = select(vec4f(), vec4f(1.0 - params.smoothing), columns == vec4u(next));
  let dz = (exp(scores[at] - logSumExp) - params.smoothing / f32(params.vocabulary) - hit) / count[0];
  scores[at] = select(vec4f(), dz, columns < vec4u(params.entries));
}
