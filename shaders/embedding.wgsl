// y[n, :] = word[ids[n], :] + position[p(n), :] + type[types[n], :]; y: [rows, columns], columns even, two values a thread.
// HAS_TYPES: there are types. GIVEN_POSITIONS: p(n) = positions[n]. Ids from `entries` on are in another block of the table.
// HALF_WEIGHTS: tables hold two f16 in a u32, and are frozen.

struct Params { rows: u32, columns: u32, entries: u32, length: u32, positionOffset: u32, padPosition: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
//#if HAS_TYPES
@group(0) @binding(2) var<storage, read_write> types: array<u32>;
//#endif
@group(0) @binding(3) var<storage, read_write> lengths: array<u32>;
//#if HALF_WEIGHTS
@group(0) @binding(4) var<storage, read> word: array<u32>;
@group(0) @binding(5) var<storage, read> position: array<u32>;
//#if HAS_TYPES
@group(0) @binding(6) var<storage, read> typeTable: array<u32>;
//#endif
fn value(packed: u32) -> vec2f { return unpack2x16float(packed); }
//#else
//#if FROZEN_WORD
@group(0) @binding(4) var<storage, read> word: array<vec2f>;
//#else
@group(0) @binding(4) var<storage, read_write> word: array<vec2f>;
//#endif
//#if FROZEN_POSITION
@group(0) @binding(5) var<storage, read> position: array<vec2f>;
//#else
@group(0) @binding(5) var<storage, read_write> position: array<vec2f>;
//#endif
//#if HAS_TYPES
//#if FROZEN_TYPE
@group(0) @binding(6) var<storage, read> typeTable: array<vec2f>;
//#else
@group(0) @binding(6) var<storage, read_write> typeTable: array<vec2f>;
//#endif
//#endif
fn value(pair: vec2f) -> vec2f { return pair; }
//#endif
@group(0) @binding(7) var<storage, read_write> y: array<vec2f>;

//#if GIVEN_POSITIONS
@group(0) @binding(8) var<storage, read_write> positions: array<u32>;
fn positionOf(n: u32) -> u32 {
  _ = &lengths;
  return positions[n];
}
//#else
//#include "embedding-position"
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  let pairs = params.columns / 2u;
  let n = at / pairs;
  let j = at % pairs;
  if (n >= params.rows) { return; }
  let id = ids[n];
  let own = select(vec2f(), value(word[min(id, params.entries - 1u) * pairs + j]), id < params.entries);
//#if HAS_TYPES
  y[at] = own + value(position[positionOf(n) * pairs + j]) + value(typeTable[types[n] * pairs + j]);
//#else
  y[at] = own + value(position[positionOf(n) * pairs + j]);
//#endif
}
