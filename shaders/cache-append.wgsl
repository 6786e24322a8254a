// cache[slot · rows + r] = (keys[r], values[r]), side by side; one value a thread. slot: [1], or 0 (FIRST_SLOT).

struct Params { count: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> keys: array<f32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
//#if !FIRST_SLOT
@group(0) @binding(4) var<storage, read_write> slot: array<u32>;
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i >= params.count) { return; }
//#if FIRST_SLOT
  let start = 0u;
//#else
  let start = slot[0] * params.count;
//#endif
  let at = 2u * (start + i / params.columns * params.columns) + i % params.columns;
  y[at] = keys[i];
  y[at + params.columns] = values[i];
}
