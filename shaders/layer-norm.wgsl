// Layer normalisation over the last axis of x [rows, columns], forward and backward; mean and variance are recomputed in the backward
// pass, which is cheaper than storing them. LANES threads share a row: 1 on a software adapter (no barriers), more on a GPU.
//   forward   y = gamma · (x - mean) · inverse + beta
//   backward  dx = (g - mean(g) - x̂ · mean(g · x̂)) · inverse,  g = gamma · dy;  normalized = x̂ where asked for

struct Params { rows: u32, columns: u32, epsilon: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
//#if FROZEN_GAMMA
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
//#else
@group(0) @binding(2) var<storage, read_write> gamma: array<f32>;
//#endif
//#if BACKWARD
@group(0) @binding(3) var<storage, read_write> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
//#if STORE_NORMALIZED
@group(0) @binding(5) var<storage, read_write> normalized: array<f32>;
//#endif
//#else
//#if FROZEN_BETA
@group(0) @binding(3) var<storage, read> beta: array<f32>;
//#else
@group(0) @binding(3) var<storage, read_write> beta: array<f32>;
//#endif
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
//#endif

//#if SHARED
var<workgroup> lanes: array<f32, WORKGROUP>;

// The sum over the LANES threads of a row, in a fixed order (tree).
fn rowSum(local: u32, value: f32) -> f32 {
  lanes[local] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (local % LANES < half) { lanes[local] += lanes[local + half]; }
    workgroupBarrier();
  }
  let total = lanes[local - local % LANES];
  workgroupBarrier();
  return total;
}
//#else
fn rowSum(local: u32, value: f32) -> f32 { return value; }
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + local / LANES;
  let live = row < params.rows;
  let base = select(0u, row * params.columns, live);
  let lane = local % LANES;
  let size = f32(params.columns);

  var sum = 0.0;
  for (var j = lane; j < params.columns; j += LANES) { sum += x[base + j]; }
  let mean = rowSum(local, sum) / size;
  var squares = 0.0;
  for (var j = lane; j < params.columns; j += LANES) { let d = x[base + j] - mean; squares += d * d; }
  let inverse = inverseSqrt(rowSum(local, squares) / size + params.epsilon);

//#if BACKWARD
  var g1 = 0.0;
  var g2 = 0.0;
  for (var j = lane; j < params.columns; j += LANES) {
    let g = gamma[j] * dy[base + j];
    g1 += g;
    g2 += g * (x[base + j] - mean) * inverse;
  }
  let meanG = rowSum(local, g1) / size;
  let meanGx = rowSum(local, g2) / size;
  if (!live) { return; }
  for (var j = lane; j < params.columns; j += LANES) {
    let hat = (x[base + j] - mean) * inverse;
    dx[base + j] = (gamma[j] * dy[base + j] - meanG - hat * meanGx) * inverse;
//#if STORE_NORMALIZED
    normalized[base + j] = hat;
//#endif
  }
//#else
  if (!live) { return; }
  for (var j = lane; j < params.columns; j += LANES) { y[base + j] = (x[base + j] - mean) * inverse * gamma[j] + beta[j]; }
//#endif
}
