// y[n, :] = base[n, :] + word[ids[n] - start, :] where the id is one of the block's `entries`, else base[n, :]; two values a thread.
// HALF_WEIGHTS: the block holds two f16 in a u32.

struct Params { rows: u32, columns: u32, entries: u32, start: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
//#if HALF_WEIGHTS
@group(0) @binding(2) var<storage, read> word: array<u32>;
fn value(packed: u32) -> vec2f { return unpack2x16float(packed); }
//#else
//#if FROZEN
@group(0) @binding(2) var<storage, read> word: array<vec2f>;
//#else
@group(0) @binding(2) var<storage, read_write> word: array<vec2f>;
//#endif
fn value(pair: vec2f) -> vec2f { return pair; }
//#endif
@group(0) @binding(3) var<storage, read_write> base: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  let pairs = params.columns / 2u;
  let n = at / pairs;
  if (n >= params.rows) { return; }
  // An id before the block wraps and is larger than any count.
  let row = ids[n] - params.start;
  y[at] = base[at] + select(vec2f(), value(word[min(row, params.entries - 1u) * pairs + at % pairs]), row < params.entries);
}
