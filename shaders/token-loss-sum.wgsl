// loss[0] = Σ tokenLoss / how many tokens count (0 where none does); ROWS: loss[b] = (row b's sum, how many of its tokens count).
// One workgroup; thread t takes rows t, t + 64, …; the first thread adds the 64 sums in order.

struct Params { rows: u32, length: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> tokenLoss: array<f32>;
@group(0) @binding(2) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> starts: array<f32>;
//#if ROWS
@group(0) @binding(4) var<storage, read_write> loss: array<vec2f>;
//#else
@group(0) @binding(4) var<storage, read_write> loss: array<f32>;
var<workgroup> sums: array<vec2f, 64>;
//#endif

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  var total = vec2f();
  for (var b = local; b < params.rows; b += 64u) {
    let first = max(1u, u32(starts[b]));
    var own = vec2f(0.0, f32(max(first, lengths[b]) - first));
    for (var i = 0u; i < params.length; i++) { own.x += tokenLoss[b * params.length + i]; }
//#if ROWS
    loss[b] = own;
//#endif
    total += own;
  }
//#if !ROWS
  sums[local] = total;
  workgroupBarrier();
  if (local == 0u) {
    var all = vec2f();
    for (var i = 0u; i < min(64u, params.rows); i++) { all += sums[i]; }
    loss[0] = all.x / max(all.y, 1.0);
  }
//#endif
}
