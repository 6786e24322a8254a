// o_r = Σ_j p_j v_j for one head of one row that goes on from a prompt: j runs over the prompt's tokens, and then over those generated so
// far, times 0 to slot[0]. One thread a row and head, with an online softmax; the unfinished o rests in memory.
// prompt: [prompts · promptLength, 2 · heads · head size], keys and values side by side; row r belongs to prompt r / beams.
// generated: [capacity · rows, the same], time t of row r is that of row origins[r · capacity + t] in slot t.

struct Params { rows: u32, heads: u32, beams: u32, promptLength: u32, capacity: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> prompt: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> promptLengths: array<u32>;
@group(0) @binding(4) var<storage, read_write> generated: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> origins: array<u32>;
@group(0) @binding(6) var<storage, read_write> slot: array<u32>;
@group(0) @binding(7) var<storage, read_write> o: array<vec4f>;

const lowest = -3e38;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (at >= params.rows * params.heads) { return; }
  let row = at / params.heads;
  let head = at % params.heads;
  let width = params.heads * HEAD_VECTORS;
  let own = row * width + head * HEAD_VECTORS;
  let asked = row / params.beams;
  let promptKeys = promptLengths[asked];
  let keys = promptKeys + min(slot[0], params.capacity - 1u) + 1u;
  for (var c = 0u; c < HEAD_VECTORS; c++) { o[own + c] = vec4f(); }
  var peak = lowest;
  var sum = 0.0;
  for (var j = 0u; j < keys; j++) {
    let first = j < promptKeys;
    let time = select(j - promptKeys, 0u, first);
    let place = select(time * params.rows + origins[row * params.capacity + time], asked * params.promptLength + j, first);
    let key = place * 2u * width + head * HEAD_VECTORS;
    var product = 0.0;
    if (first) {
      for (var c = 0u; c < HEAD_VECTORS; c++) { product += dot(q[own + c], prompt[key + c]); }
    } else {
      for (var c = 0u; c < HEAD_VECTORS; c++) { product += dot(q[own + c], generated[key + c]); }
    }
    let score = params.scale * product;
    let high = max(peak, score);
    let shrink = exp(peak - high);
    let p = exp(score - high);
    sum = sum * shrink + p;
    peak = high;
    if (first) {
      for (var c = 0u; c < HEAD_VECTORS; c++) { o[own + c] = o[own + c] * shrink + p * prompt[key + width + c]; }
    } else {
      for (var c = 0u; c < HEAD_VECTORS; c++) { o[own + c] = o[own + c] * shrink + p * generated[key + width + c]; }
    }
  }
  for (var c = 0u; c < HEAD_VECTORS; c++) { o[own + c] = o[own + c] / sum; }
}
