// Of each token of a chunk and a block of the vocabulary: statistics[r] = (peak, Σ e^(z - peak), Σ z, z_target), over this block and those
// before it; with the LAST block also tokenLoss = (1 - ε) (log Σ e^z - z_t) + ε (log Σ e^z - mean z), or 0 for a token that does not count.
// scores: [rows, stride], of which `entries` columns are words, from word `start` on. The chunk begins at token `first`.
// LANES threads share a row: 1 on a software adapter (no barriers), more on a GPU.

struct Params { rows: u32, first: u32, length: u32, vocabulary: u32, smoothing: f32, entries: u32, stride: u32, start: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> scores: array<f32>;
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(4) var<storage, read_write> starts: array<f32>;
@group(0) @binding(5) var<storage, read_write> statistics: array<vec4f>;
//#if LAST
@group(0) @binding(6) var<storage, read_write> tokenLoss: array<f32>;
//#endif
//#include "token-counts"

// What two parts of a row have in common: peak, Σ e^(z - peak), Σ z, z_target (0 where it is in neither).
fn joined(a: vec4f, b: vec4f) -> vec4f {
  let peak = max(a.x, b.x);
  return vec4f(peak, a.y * exp(a.x - peak) + b.y * exp(b.x - peak), a.z + b.z, a.w + b.w);
}

//#if SHARED
var<workgroup> lanes: array<vec4f, WORKGROUP>;
//#endif

const lowest = -3e38;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + local / LANES;
  let live = row < params.rows;
  let n = params.first + min(row, params.rows - 1u);
  let base = min(row, params.rows - 1u) * params.stride;
  let valid = counts(n);
  // Of a token that does not count nothing is read but its own place.
  let next = select(0u, ids[n + select(0u, 1u, valid)], valid) - params.start;
  var own = vec4f(lowest, 0.0, 0.0, 0.0);
  for (var c = local % LANES; c < params.entries; c += LANES) { own.x = max(own.x, scores[base + c]); }
  for (var c = local % LANES; c < params.entries; c += LANES) {
    let z = scores[base + c];
    own.y += exp(z - own.x);
    own.z += z;
    if (c == next) { own.w = z; }
  }
//#if SHARED
  lanes[local] = own;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (local % LANES < half) { lanes[local] = joined(lanes[local], lanes[local + half]); }
    workgroupBarrier();
  }
  own = lanes[local - local % LANES];
//#endif
  if (!live || local % LANES != 0u) { return; }
//#if !FIRST
  own = joined(statistics[row], own);
//#endif
  statistics[row] = own;
//#if LAST
  let logSumExp = own.x + log(own.y);
  let smoothed = (1.0 - params.smoothing) * (logSumExp - own.w) + params.smoothing * (logSumExp - own.z / f32(params.vocabulary));
  tokenLoss[n] = select(0.0, smoothed, valid);
//#endif
}
