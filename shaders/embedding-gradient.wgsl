// gradient[row, :] = Σ dy[n, :] over the tokens n that read the row, in their order; zero for a row that none reads.
// gradient: [entries, columns]; dy: [tokens, columns]; columns even, two values a thread. links, heads: see `embedding-links`.

struct Params { tokens: u32, entries: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> links: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> heads: array<u32>;
@group(0) @binding(3) var<storage, read_write> dy: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> gradient: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  let pairs = params.columns / 2u;
  let row = at / pairs;
  if (row >= params.entries) { return; }
  var sum = vec2f();
  var n = heads[row];
  // Memory is reused: only a token that says itself that it is the row's first makes heads[row] more than a leftover.
  if (n < params.tokens && links[n].x == row) {
    while (n < params.tokens) {
      sum += dy[n * pairs + at % pairs];
      n = links[n].y;
    }
  }
  gradient[at] = sum;
}
