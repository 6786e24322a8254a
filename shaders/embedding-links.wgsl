// Which tokens read the same row of a table, for `embedding-gradient`; one thread a token.
//   links[n] = (row, next): the row that token n reads if no token before it does, otherwise NONE; the next token that reads it, or NONE
//   heads[row] = the first token that reads row; of a row that no token reads, nothing is written
// POSITIONS: a token reads the row of its position, otherwise row ids[n]. Row paddingIndex counts as read by none.

const NONE = 0xffffffffu;

struct Params { tokens: u32, entries: u32, paddingIndex: u32, length: u32, positionOffset: u32, padPosition: u32 }
@group(0) @binding(0) var<uniform> params: Params;
//#if POSITIONS
@group(0) @binding(1) var<storage, read_write> lengths: array<u32>;
//#include "embedding-position"
fn rowOf(n: u32) -> u32 { return positionOf(n); }
//#else
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
fn rowOf(n: u32) -> u32 { return ids[n]; }
//#endif
@group(0) @binding(2) var<storage, read_write> links: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> heads: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let n = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (n >= params.tokens) { return; }
  let row = rowOf(n);
  if (row == params.paddingIndex || row >= params.entries) {
    links[n] = vec2u(NONE, NONE);
    return;
  }
  var before = n;
  while (before > 0u && rowOf(before - 1u) != row) { before--; }
  var next = n + 1u;
  while (next < params.tokens && rowOf(next) != row) { next++; }
  let first = before == 0u;
  links[n] = vec2u(select(NONE, row, first), select(NONE, next, next < params.tokens));
  if (first) { heads[row] = n; }
}
