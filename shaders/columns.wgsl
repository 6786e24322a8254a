// narrow[r, c] = wide[r, start + c]; JOIN: wide[r, start + c] = narrow[r, c], or with ZERO 0. narrow: [rows, size]; wide: [rows, columns];
// `count`: values in narrow. FROZEN: wide is only read.

struct Params { count: u32, size: u32, columns: u32, start: u32 }
@group(0) @binding(0) var<uniform> params: Params;
//#if FROZEN
@group(0) @binding(1) var<storage, read> wide: array<f32>;
//#else
@group(0) @binding(1) var<storage, read_write> wide: array<f32>;
//#endif
//#if !ZERO
@group(0) @binding(2) var<storage, read_write> narrow: array<f32>;
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i >= params.count) { return; }
  let at = i / params.size * params.columns + params.start + i % params.size;
//#if ZERO
  wide[at] = 0.0;
//#else
//#if JOIN
  wide[at] = narrow[i];
//#else
  narrow[i] = wide[at];
//#endif
//#endif
}
