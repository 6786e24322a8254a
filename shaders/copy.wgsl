// y[start + i] = x[i] for the `count` words of x, whatever they mean. PAD: the other words of y, of which there are `size`, are zero.

struct Params { count: u32, start: u32, size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
//#if FROZEN
@group(0) @binding(1) var<storage, read> x: array<u32>;
//#else
@group(0) @binding(1) var<storage, read_write> x: array<u32>;
//#endif
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
//#if PAD
  if (i >= params.size) { return; }
  // Before the start the difference wraps and is larger than any count.
  let at = i - params.start;
  y[i] = select(0u, x[min(at, params.count - 1u)], at < params.count);
//#else
  if (i < params.count) { y[params.start + i] = x[i]; }
//#endif
}
