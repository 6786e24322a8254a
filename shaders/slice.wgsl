// y[i] = x[start + i], `count` values; HALF: x holds two f16 in a u32.

struct Params { count: u32, start: u32 }
@group(0) @binding(0) var<uniform> params: Params;
//#if HALF
@group(0) @binding(1) var<storage, read> x: array<u32>;
fn value(at: u32) -> f32 { return unpack2x16float(x[at / 2u])[at % 2u]; }
//#else
//#if FROZEN
@group(0) @binding(1) var<storage, read> x: array<f32>;
//#else
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
//#endif
fn value(at: u32) -> f32 { return x[at]; }
//#endif
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i < params.count) { y[i] = value(params.start + i); }
}
