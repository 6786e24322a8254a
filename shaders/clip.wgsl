// status = (norm, clip, halted): norm = √Σ partial, clip = min(1, maxGradNorm / (norm + 1e-6)) as torch.nn.utils.clip_grad_norm_, or 1
// where maxGradNorm is 0. A norm that is not finite sets `halted`, which stays set: AdamW then leaves the last good step alone.
// Finiteness is read off the bits, since WGSL may assume that no NaN exists. One workgroup: each thread adds a run of neighbouring
// partial sums, the first thread adds the runs; up to WORKGROUP of them are so added in their order.

struct Params { parts: u32, maxGradNorm: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> status: array<f32>;
var<workgroup> runs: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
  let length = (params.parts + WORKGROUP - 1u) / WORKGROUP;
  let end = min((local + 1u) * length, params.parts);
  var run = 0.0;
  for (var p = local * length; p < end; p++) { run += partial[p]; }
  runs[local] = run;
  workgroupBarrier();
  if (local > 0u) { return; }
  var total = 0.0;
  for (var t = 0u; t < WORKGROUP; t++) { total += runs[t]; }
  let finite = (bitcast<u32>(total) & 0x7f800000u) != 0x7f800000u;
  let norm = sqrt(total);
  status[0] = norm;
  status[1] = select(1.0, min(1.0, params.maxGradNorm / (norm + 1e-6)), params.maxGradNorm > 0.0);
  if (!finite) { status[2] = 1.0; }
}
