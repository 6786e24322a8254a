// y[c] = alpha · Σ_n aᵀ[:, n] · b[n, :]  over the `chunk` tokens n of chunk c; a: [tokens, p], b: [tokens, q], y: [chunks, p, q].
// One thread computes 4 × 4 outputs in registers; VECTOR: p and q are multiples of 4 and are read four at a time.

struct Params { tokens: u32, p: u32, q: u32, chunks: u32, chunk: u32, alpha: f32 }
@group(0) @binding(0) var<uniform> params: Params;
//#if VECTOR
@group(0) @binding(1) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
//#else
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn loadA(row: u32, i: u32) -> vec4f {
  var v = vec4f();
  for (var k = 0u; k < 4u; k++) { if (i + k < params.p) { v[k] = a[row * params.p + i + k]; } }
  return v;
}
fn loadB(row: u32, j: u32) -> vec4f {
  var v = vec4f();
  for (var k = 0u; k < 4u; k++) { if (j + k < params.q) { v[k] = b[row * params.q + j + k]; } }
  return v;
}
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let across = (params.q + 3u) / 4u;
  let perChunk = ((params.p + 3u) / 4u * across + WORKGROUP - 1u) / WORKGROUP;
  let at = group.y * groups.x + group.x;
  let chunk = at / perChunk;
  let thread = at % perChunk * WORKGROUP + local;
  let i = (thread / across) * 4u;
  let j = (thread % across) * 4u;
  if (i >= params.p || chunk >= params.chunks) { return; }
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  let end = min((chunk + 1u) * params.chunk, params.tokens);
  for (var n = chunk * params.chunk; n < end; n++) {
//#if VECTOR
    let u = a[(n * params.p + i) / 4u];
    let v = b[(n * params.q + j) / 4u];
//#else
    let u = loadA(n, i);
    let v = loadB(n, j);
//#endif
    s0 += u.x * v;
    s1 += u.y * v;
    s2 += u.z * v;
    s3 += u.w * v;
  }
  let base = (chunk * params.p + i) * params.q + j;
//#if VECTOR
  y[base / 4u] = params.alpha * s0;
  y[(base + params.q) / 4u] = params.alpha * s1;
  y[(base + 2u * params.q) / 4u] = params.alpha * s2;
  y[(base + 3u * params.q) / 4u] = params.alpha * s3;
//#else
  var s = array<vec4f, 4>(s0, s1, s2, s3);
  for (var r = 0u; r < 4u; r++) {
    if (i + r >= params.p) { break; }
    for (var k = 0u; k < 4u; k++) { if (j + k < params.q) { y[base + r * params.q + k] = params.alpha * s[r][k]; } }
  }
//#endif
}
