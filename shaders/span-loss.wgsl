// Cross-entropy of where a span starts (column 0 of logits [rows · length, 2]) and ends (column 1); targets: starts, ends [rows].
// A softmax runs over the tokens up to the longest row of the batch, as in a batch that is padded no further; a target beyond counts nothing, and
// a column's mean is over those that count.
//   partial[2 b + c] = (log Σ_i exp(z_ic) - z_target) / 2 count_c        or (GRADIENT) dlogits = seed[0] · (softmax(z) - onehot(target)) / 2 count_c
// One workgroup a row and column; partial maxima and sums are reduced in a fixed order.

struct Params { rows: u32, length: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> starts: array<f32>;
@group(0) @binding(3) var<storage, read_write> ends: array<f32>;
@group(0) @binding(4) var<storage, read_write> lengths: array<u32>;
//#if GRADIENT
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;
//#if HAS_SEED
@group(0) @binding(6) var<storage, read_write> seed: array<f32>;
//#endif
//#else
@group(0) @binding(5) var<storage, read_write> partial: array<f32>;
//#endif

var<workgroup> shared_values: array<f32, WORKGROUP>;

fn tree_max(local: u32, value: f32) -> f32 {
  shared_values[local] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (local < half) { shared_values[local] = max(shared_values[local], shared_values[local + half]); }
    workgroupBarrier();
  }
  let result = shared_values[0];
  workgroupBarrier();
  return result;
}

fn tree_sum(local: u32, value: f32) -> f32 {
  shared_values[local] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (local < half) { shared_values[local] += shared_values[local + half]; }
    workgroupBarrier();
  }
  let result = shared_values[0];
  workgroupBarrier();
  return result;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  if (index >= 2u * params.rows) { return; }
  let row = index / 2u;
  let column = index % 2u;
  let base = 2u * row * params.length + column;
  var counted = 0u;
  for (var b = 0u; b < params.rows; b++) { counted = max(counted, lengths[b]); }

  var peak = logits[base];
  for (var i = local; i < counted; i += WORKGROUP) { peak = max(peak, logits[base + 2u * i]); }
  peak = tree_max(local, peak);
  var sum = 0.0;
  for (var i = local; i < counted; i += WORKGROUP) { sum += exp(logits[base + 2u * i] - peak); }
  sum = tree_sum(local, sum);
  let target_token = u32(select(starts[row], ends[row], column == 1u));
  let counts = target_token < counted;
  var count = 0.0;
  for (var b = 0u; b < params.rows; b++) {
    count += select(0.0, 1.0, u32(select(starts[b], ends[b], column == 1u)) < counted);
  }
//#if GRADIENT
//#if HAS_SEED
  let factor = seed[0] / (2.0 * count);
//#else
  let factor = 1.0 / (2.0 * count);
//#endif
  for (var i = local; i < params.length; i += WORKGROUP) {
    let share = exp(logits[base + 2u * i] - peak) / sum - select(0.0, 1.0, i == target_token);
    dlogits[base + 2u * i] = select(0.0, factor * share, i < counted && counts);
  }
//#else
  if (local == 0u) { partial[index] = select(0.0, (peak + log(sum) - logits[base + 2u * min(target_token, counted - 1u)]) / (2.0 * count), counts); }
//#endif
}
