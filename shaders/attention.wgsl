// o_i = Σ_j p_ij v_j,  p_ij = softmax_j(scale · q_i · k_j)  for one head of one row of the batch; keys j < lengths[b], CAUSAL: j <= i.
// q, k, v, o: [batch · length, heads · head size], logSumExp: [batch · length, heads]. One thread a query, online softmax.
// DROPOUT: p is kept or zeroed by counter, and scaled by keepScale.
//#include "random"

struct Params { length: u32, heads: u32, stride: u32, scale: f32, site: u32, threshold: u32, keepScale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> k: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec4f>;
//#if STORE_LOG_SUM_EXP
@group(0) @binding(6) var<storage, read_write> logSumExp: array<f32>;
//#endif
//#if DROPOUT
struct Step { seed: u32 }
@group(0) @binding(7) var<uniform> step: Step;
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = group.x * WORKGROUP + local;
  let head = group.y;
  let b = group.z;
  if (i >= params.length) { return; }
  let query = (b * params.length + i) * params.stride + head * HEAD_VECTORS;
//#for c HEAD_VECTORS
  let q{c} = q[query + {c}u] * params.scale;
  var o{c} = vec4f();
//#endfor
  var peak = -3e38;
  var sum = 0.0;
//#if CAUSAL
  let keys = min(lengths[b], i + 1u);
//#else
  let keys = min(lengths[b], params.length);
//#endif
//#if DROPOUT
  let key0 = ((b * params.heads + head) * params.length + i) * params.length;
  let dropout = dropoutKey(step.seed, params.site);
//#endif
  for (var j = 0u; j < keys; j++) {
    let key = (b * params.length + j) * params.stride + head * HEAD_VECTORS;
    var products = vec4f();
//#for c HEAD_VECTORS
    products += q{c} * k[key + {c}u];
//#endfor
    let score = products.x + products.y + products.z + products.w;
    if (score > peak) {
      let shrink = exp(peak - score);
      peak = score;
      sum *= shrink;
//#for c HEAD_VECTORS
      o{c} *= shrink;
//#endfor
    }
    let p = exp(score - peak);
    sum += p;
//#if DROPOUT
    let weight = select(0.0, p * params.keepScale, keeps(dropout, key0 + j, params.threshold));
//#else
    let weight = p;
//#endif
//#for c HEAD_VECTORS
    o{c} += weight * v[key + {c}u];
//#endfor
  }
  let inverse = 1.0 / sum;
//#for c HEAD_VECTORS
  o[query + {c}u] = o{c} * inverse;
//#endfor
//#if STORE_LOG_SUM_EXP
  logSumExp[(b * params.length + i) * params.heads + head] = peak + log(sum);
//#endif
}
