// Element-wise kernels over `count` f32 values, one thread each:
//   SUM         y = a + b
//   SCALE       y = factor · a
//   CONSTANT    y = value
//   ACTIVATION  y = f(a)
//   GRADIENT    y = a · f'(b)            a: gradient of the output, b: the activation's input
//   DROPOUT     y = keep(i) ? a · keepScale : 0
//#include "activation"
//#include "random"

//#if DROPOUT
struct Params { count: u32, site: u32, threshold: u32, keepScale: f32 }
struct Step { seed: u32 }
@group(0) @binding(4) var<uniform> step: Step;
//#else
//#if SCALE
struct Params { count: u32, factor: f32 }
//#else
//#if CONSTANT
struct Params { count: u32, value: f32 }
//#else
struct Params { count: u32 }
//#endif
//#endif
//#endif

@group(0) @binding(0) var<uniform> params: Params;
//#if !CONSTANT
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
//#endif
//#if SUM
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
//#endif
//#if GRADIENT
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
//#endif
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (i >= params.count) { return; }
//#if SUM
  y[i] = a[i] + b[i];
//#endif
//#if SCALE
  y[i] = params.factor * a[i];
//#endif
//#if CONSTANT
  y[i] = params.value;
//#endif
//#if ACTIVATION
  y[i] = activate(a[i]);
//#endif
//#if GRADIENT
  y[i] = a[i] * activateGradient(b[i]);
//#endif
//#if DROPOUT
  y[i] = select(0.0, a[i] * params.keepScale, keeps(dropoutKey(step.seed, params.site), i, params.threshold));
//#endif
}
