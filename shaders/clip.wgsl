// status = (norm, clip, halted): norm = √Σ partial, clip = min(1, maxGradNorm / (norm + 1e-6)) as torch.nn.utils.clip_grad_norm_, or 1
// where maxGradNorm is 0. A norm that is not finite sets `halted`, which stays set: AdamW then leaves the last good step alone.
// Finiteness is read off the bits, since WGSL may assume that no NaN exists.

struct Params { parts: u32, maxGradNorm: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> status: array<f32>;

@compute @workgroup_size(1)
fn main() {
  var total = 0.0;
  for (var p = 0u; p < params.parts; p++) { total += partial[p]; }
  let finite = (bitcast<u32>(total) & 0x7f800000u) != 0x7f800000u;
  let norm = sqrt(total);
  status[0] = norm;
  status[1] = select(1.0, min(1.0, params.maxGradNorm / (norm + 1e-6)), params.maxGradNorm > 0.0);
  if (!finite) { status[2] = 1.0; }
}
