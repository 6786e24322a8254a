// AdamW (Loshchilov and Hutter 2019), four values a thread, step for step torch.optim.AdamW:
//   p -= lr · wd · (p - target)        m = β1 m + (1 - β1) g        v = β2 v + (1 - β2) g²
//   p -= lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + ε)
// g is clipped by status[1]; nothing happens once status[2] is set. Tensors start at multiples of 64 values: blocks[i / 64] tells a
// value's decay, and how many of the 64 are a tensor's. The others are padding and stay zero.

struct Params { count: u32, learningRate: f32, beta1: f32, beta2: f32, epsilon: f32, stepSize: f32, rootCorrection: f32 }
struct Block { weightDecay: f32, towards: f32, values: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read> status: array<f32>;
@group(0) @binding(3) var<storage, read> blocks: array<Block>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> moment1: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (id.y * count.x + id.x) * WORKGROUP + local;
  if (i >= params.count / 4u || status[2] != 0.0) { return; }
  let block = blocks[i / 16u];
  let g = gradient[i] * status[1];
  let m = params.beta1 * moment1[i] + (1.0 - params.beta1) * g;
  let v = params.beta2 * moment2[i] + (1.0 - params.beta2) * g * g;
  var p = parameters[i];
  p -= params.learningRate * block.weightDecay * (p - block.towards);
  p -= params.stepSize * m / (sqrt(v) / params.rootCorrection + params.epsilon);
  moment1[i] = m;
  moment2[i] = v;
  let place = vec4u(i % 16u * 4u) + vec4u(0u, 1u, 2u, 3u);
  parameters[i] = select(vec4f(), p, place < vec4u(block.values));
}
