// p_ij = exp(scale · q_i · k_j - logSumExp_i), what an attention that never stores it has computed; zero for masked keys and padded queries.
// q, k: [batch · length, heads · head size], logSumExp: [batch · length, heads]; keys j < lengths[b], CAUSAL: j <= i. One thread a pair i, j.
//   MEAN  the mean over heads, y: [batch · length, length]        otherwise every head's, y: [heads, batch · length, length]

struct Params { length: u32, heads: u32, rows: u32, stride: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> logSumExp: array<f32>;
@group(0) @binding(4) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

fn probability(i: u32, j: u32, head: u32) -> f32 {
  var product = 0.0;
  let own = i * params.stride + head * HEAD_VECTORS;
  let other = j * params.stride + head * HEAD_VECTORS;
  for (var c = 0u; c < HEAD_VECTORS; c++) { product += dot(q[own + c], k[other + c]); }
  return exp(params.scale * product - logSumExp[i * params.heads + head]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  let count = params.rows * params.length;
  if (at >= count) { return; }
  let i = at / params.length;
  let b = i / params.length;
  let key = at % params.length;
  let query = i % params.length;
//#if CAUSAL
  let live = query < lengths[b] && key <= query;
//#else
  let live = query < lengths[b] && key < lengths[b];
//#endif
  let j = b * params.length + key;
//#if MEAN
  var sum = 0.0;
  for (var head = 0u; head < params.heads; head++) { sum += probability(i, j, head); }
  y[at] = select(0.0, sum / f32(params.heads), live);
//#else
  for (var head = 0u; head < params.heads; head++) {
    y[head * count + at] = select(0.0, probability(i, j, head), live);
  }
//#endif
}
