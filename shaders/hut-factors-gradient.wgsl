// Gradients of hut-factors.wgsl: dA[i, r] = dRowScale[i] / rank (every column of M_A has the same gradient);
// dB[r, j] = dColumnScale[j] · gamma[j] / rank; dGamma[j] = dColumnScale[j] · mean_r b[r, j].
// ROWS: dA is wanted; COLUMNS: the other two are.

struct Params { rows: u32, columns: u32, rank: u32 }
@group(0) @binding(0) var<uniform> params: Params;
//#if ROWS
@group(0) @binding(3) var<storage, read_write> dRowScale: array<f32>;
@group(0) @binding(5) var<storage, read_write> dA: array<f32>;
//#endif
//#if COLUMNS
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(4) var<storage, read_write> dColumnScale: array<f32>;
@group(0) @binding(6) var<storage, read_write> dB: array<f32>;
@group(0) @binding(7) var<storage, read_write> dGamma: array<f32>;
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  let rank = f32(params.rank);
//#if ROWS
  if (i < params.rows) {
    let share = dRowScale[i] / rank;
    for (var r = 0u; r < params.rank; r++) { dA[i * params.rank + r] = share; }
  }
//#endif
//#if COLUMNS
  if (i < params.columns) {
    let share = dColumnScale[i] * gamma[i] / rank;
    var sum = 0.0;
    for (var r = 0u; r < params.rank; r++) {
      sum += b[r * params.columns + i];
      dB[r * params.columns + i] = share;
    }
    dGamma[i] = dColumnScale[i] * (sum / rank);
  }
//#endif
}
