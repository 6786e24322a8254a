// y = a · b, element by element; b may be a frozen weight, f32 or two f16 in a u32 (HALF).

struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
//#if HALF
@group(0) @binding(2) var<storage, read> b: array<u32>;
fn factor(at: u32) -> f32 { return unpack2x16float(b[at / 2u])[at % 2u]; }
//#else
//#if FROZEN
@group(0) @binding(2) var<storage, read> b: array<f32>;
//#else
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
//#endif
fn factor(at: u32) -> f32 { return b[at]; }
//#endif
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i < params.count) { y[i] = a[i] * factor(i); }
}
