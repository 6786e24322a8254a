// sum[c, j] = Σ a[i, j],  dot[c, j] = Σ a[i, j] · b[i, j]  over the CHUNK rows i of chunk c; a, b: [rows, columns].
// One thread a column and chunk; neighbouring threads read neighbouring columns.

struct Params { rows: u32, columns: u32, chunks: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
//#if HAS_DOT
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> dot: array<f32>;
//#endif
//#if HAS_SUM
@group(0) @binding(4) var<storage, read_write> sum: array<f32>;
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let across = (params.columns + WORKGROUP - 1u) / WORKGROUP;
  let at = group.y * groups.x + group.x;
  let chunk = at / across;
  let j = at % across * WORKGROUP + local;
  if (j >= params.columns || chunk >= params.chunks) { return; }
  let end = min((chunk + 1u) * CHUNK, params.rows);
  var s = 0.0;
  var d = 0.0;
  for (var i = chunk * CHUNK; i < end; i++) {
    let value = a[i * params.columns + j];
//#if HAS_SUM
    s += value;
//#endif
//#if HAS_DOT
    d += value * b[i * params.columns + j];
//#endif
  }
//#if HAS_SUM
  sum[chunk * params.columns + j] = s;
//#endif
//#if HAS_DOT
  dot[chunk * params.columns + j] = d;
//#endif
}
