// Gradients of attention.wgsl, recomputing p from logSumExp, in three passes:
//   STATISTICS      statistics_i = (delta_i, logSumExp_i), delta_i = dy_i · o_i        one thread a query i
//   QUERY_GRADIENT  dq_i = scale Σ_j ds_ij k_j                                         one thread a query i
//   KEY_GRADIENT    dv_j = Σ_i p_ij dy_i,  dk_j = scale Σ_i ds_ij q_i                  one thread a key j
// with ds_ij = p_ij (dy_i · v_j - delta_i); under DROPOUT dy_i · v_j and the p in dv carry the mask and keepScale.
//#include "random"

struct Params { length: u32, heads: u32, stride: u32, scale: f32, site: u32, threshold: u32, keepScale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> statistics: array<vec2f>;
//#if STATISTICS
@group(0) @binding(3) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> logSumExp: array<f32>;
//#else
@group(0) @binding(3) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> k: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> lengths: array<u32>;
//#endif
//#if QUERY_GRADIENT
@group(0) @binding(7) var<storage, read_write> dq: array<vec4f>;
//#endif
//#if KEY_GRADIENT
//#if WANT_KEY
@group(0) @binding(7) var<storage, read_write> dk: array<vec4f>;
//#endif
//#if WANT_VALUE
@group(0) @binding(8) var<storage, read_write> dv: array<vec4f>;
//#endif
//#endif
//#if DROPOUT
struct Step { seed: u32 }
@group(0) @binding(9) var<uniform> step: Step;
//#endif

fn total(x: vec4f) -> f32 { return x.x + x.y + x.z + x.w; }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let own = group.x * WORKGROUP + local;
  let head = group.y;
  let b = group.z;
  if (own >= params.length) { return; }
  let rows = b * params.length;
  let at = (rows + own) * params.stride + head * HEAD_VECTORS;
//#if DROPOUT
  let key0 = (b * params.heads + head) * params.length;
  let dropout = dropoutKey(step.seed, params.site);
//#endif

//#if STATISTICS
  var deltas = vec4f();
//#for c HEAD_VECTORS
  deltas += dy[at + {c}u] * o[at + {c}u];
//#endfor
  let row = (rows + own) * params.heads + head;
  statistics[row] = vec2f(total(deltas), logSumExp[row]);
//#endif

//#if QUERY_GRADIENT
//#for c HEAD_VECTORS
  let q{c} = q[at + {c}u] * params.scale;
  let dy{c} = dy[at + {c}u];
  var dq{c} = vec4f();
//#endfor
  let ownStatistics = statistics[(rows + own) * params.heads + head];
//#if CAUSAL
  let keys = min(lengths[b], own + 1u);
//#else
  let keys = min(lengths[b], params.length);
//#endif
  for (var j = 0u; j < keys; j++) {
    let key = (rows + j) * params.stride + head * HEAD_VECTORS;
    var scores = vec4f();
    var products = vec4f();
//#for c HEAD_VECTORS
    let k{c} = k[key + {c}u];
    scores += q{c} * k{c};
    products += dy{c} * v[key + {c}u];
//#endfor
    let p = exp(total(scores) - ownStatistics.y);
//#if DROPOUT
    let dp = select(0.0, total(products) * params.keepScale, keeps(dropout, (key0 + own) * params.length + j, params.threshold));
//#else
    let dp = total(products);
//#endif
    let ds = p * (dp - ownStatistics.x) * params.scale;
//#for c HEAD_VECTORS
    dq{c} += ds * k{c};
//#endfor
  }
//#for c HEAD_VECTORS
  dq[at + {c}u] = dq{c};
//#endfor
//#endif

//#if KEY_GRADIENT
//#for c HEAD_VECTORS
  let k{c} = k[at + {c}u] * params.scale;
//#if WANT_KEY
  let v{c} = v[at + {c}u];
  var dk{c} = vec4f();
//#endif
//#if WANT_VALUE
  var dv{c} = vec4f();
//#endif
//#endfor
  if (own < lengths[b]) {
//#if CAUSAL
    let first = own;
//#else
    let first = 0u;
//#endif
    for (var i = first; i < params.length; i++) {
      let query = (rows + i) * params.stride + head * HEAD_VECTORS;
      let queryStatistics = statistics[(rows + i) * params.heads + head];
      var scores = vec4f();
      var products = vec4f();
//#for c HEAD_VECTORS
      let q{c} = q[query + {c}u];
      let dy{c} = dy[query + {c}u];
      scores += q{c} * k{c};
//#if WANT_KEY
      products += dy{c} * v{c};
//#endif
//#endfor
      let p = exp(total(scores) - queryStatistics.y);
//#if DROPOUT
      let kept = select(0.0, params.keepScale, keeps(dropout, (key0 + i) * params.length + own, params.threshold));
//#else
      let kept = 1.0;
//#endif
//#if WANT_VALUE
      let weight = p * kept;
//#for c HEAD_VECTORS
      dv{c} += weight * dy{c};
//#endfor
//#endif
//#if WANT_KEY
      let ds = p * (total(products) * kept - queryStatistics.x) * params.scale;
//#for c HEAD_VECTORS
      dk{c} += ds * q{c};
//#endfor
//#endif
    }
  }
//#for c HEAD_VECTORS
//#if WANT_KEY
  dk[at + {c}u] = dk{c};
//#endif
//#if WANT_VALUE
  dv[at + {c}u] = dv{c};
//#endif
//#endfor
//#endif
}
