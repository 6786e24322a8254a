// The mean loss over `rows` examples, or (GRADIENT) its gradient in the logits [rows, classes]; labels: [rows].
// HAS_SEED: the gradient is times seed[0], the gradient of what the loss is part of.
//   CROSS_ENTROPY  log Σ_c exp(z_c) - z_label        otherwise (z - label)², classes = 1
// Rows are few (a batch): one workgroup, thread t takes rows t, t + 64, …; the first thread adds the 64 sums in order.

struct Params { rows: u32, classes: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> labels: array<f32>;
//#if GRADIENT
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;
//#if HAS_SEED
@group(0) @binding(4) var<storage, read_write> seed: array<f32>;
fn seeded(value: f32) -> f32 { return value * seed[0]; }
//#else
fn seeded(value: f32) -> f32 { return value; }
//#endif
//#else
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
var<workgroup> losses: array<f32, 64>;
//#endif

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  let rows = f32(params.rows);
  var total = 0.0;
  for (var row = local; row < params.rows; row += 64u) {
    let base = row * params.classes;
//#if CROSS_ENTROPY
    var peak = logits[base];
    for (var c = 1u; c < params.classes; c++) { peak = max(peak, logits[base + c]); }
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) { sum += exp(logits[base + c] - peak); }
    let label = u32(labels[row]);
//#if GRADIENT
    for (var c = 0u; c < params.classes; c++) {
      dlogits[base + c] = seeded((exp(logits[base + c] - peak) / sum - select(0.0, 1.0, c == label)) / rows);
    }
//#else
    total += peak + log(sum) - logits[base + label];
//#endif
//#else
    let error = logits[base] - labels[row];
//#if GRADIENT
    dlogits[base] = seeded(2.0 * error / rows);
//#else
    total += error * error;
//#endif
//#endif
  }
//#if !GRADIENT
  losses[local] = total;
  workgroupBarrier();
  if (local == 0u) {
    var sum = 0.0;
    for (var i = 0u; i < min(64u, params.rows); i++) { sum += losses[i]; }
    loss[0] = sum / rows;
  }
//#endif
}
