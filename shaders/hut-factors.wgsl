// HUT (arXiv 2409.13501, Eq. 8-10): rowScale[i] = mean_r a[i, r]; columnScale[j] = gamma[j] · mean_r b[r, j]; shift[j] = bias[j] + beta[j].
// a: [rows, rank], b: [rank, columns]. One thread an index.

struct Params { rows: u32, columns: u32, rank: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(4) var<storage, read_write> beta: array<f32>;
//#if HAS_BIAS
//#if FROZEN_BIAS
@group(0) @binding(5) var<storage, read> bias: array<f32>;
//#else
@group(0) @binding(5) var<storage, read_write> bias: array<f32>;
//#endif
//#endif
@group(0) @binding(6) var<storage, read_write> rowScale: array<f32>;
@group(0) @binding(7) var<storage, read_write> columnScale: array<f32>;
@group(0) @binding(8) var<storage, read_write> shift: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  let rank = f32(params.rank);
  if (i < params.rows) {
    var sum = 0.0;
    for (var r = 0u; r < params.rank; r++) { sum += a[i * params.rank + r]; }
    rowScale[i] = sum / rank;
  }
  if (i < params.columns) {
    var sum = 0.0;
    for (var r = 0u; r < params.rank; r++) { sum += b[r * params.columns + i]; }
    columnScale[i] = gamma[i] * (sum / rank);
//#if HAS_BIAS
    shift[i] = bias[i] + beta[i];
//#else
    shift[i] = beta[i];
//#endif
  }
}
