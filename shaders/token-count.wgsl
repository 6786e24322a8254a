// count[0] = how many tokens of the batch count (see `token-counts`). Rows are few: one thread adds them.

struct Params { rows: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(2) var<storage, read_write> starts: array<f32>;
@group(0) @binding(3) var<storage, read_write> count: array<f32>;

@compute @workgroup_size(1)
fn main() {
  var total = 0u;
  for (var b = 0u; b < params.rows; b++) {
    let first = max(1u, u32(starts[b]));
    total += max(first, lengths[b]) - first;
  }
  count[0] = f32(total);
}
