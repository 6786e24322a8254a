// o_i = Σ_j p_ij v_j,  p_ij = softmax_j(scale · q_i · k_j)  for one head of one row of the batch; keys j < lengths[b], CAUSAL: j <= i.
// q, k, v, o: [batch · length, heads · head size], logSumExp: [batch · length, heads].
//
// A thread takes OWN neighbouring queries and walks over the keys BLOCK at a time with an online softmax; the OWN × BLOCK scores of a
// turn stay in registers, the unfinished o rests in memory, so code and registers do not grow with the head size.
// QUAD: a workgroup is one quad (quad.wgsl), whose threads share what they load of k and v.
// DROPOUT: p is kept or zeroed by counter, and scaled by keepScale.
//#include "random"
//#if QUAD
//#include "quad"
//#endif

struct Params { length: u32, heads: u32, pairs: u32, pairsAcross: u32, stride: u32, scale: f32, site: u32, threshold: u32, keepScale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> q: array<vec4f>;
//#if QUAD
@group(0) @binding(2) var<storage, read_write> k: array<f32>;
@group(0) @binding(3) var<storage, read_write> v: array<f32>;
fn loadK(at: u32, lane: u32) -> vec4f { return spread(k[at * 4u + lane]); }
fn loadV(at: u32, lane: u32) -> vec4f { return spread(v[at * 4u + lane]); }
//#else
@group(0) @binding(2) var<storage, read_write> k: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
fn loadK(at: u32, lane: u32) -> vec4f { return k[at]; }
fn loadV(at: u32, lane: u32) -> vec4f { return v[at]; }
//#endif
@group(0) @binding(4) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec4f>;
//#if STORE_LOG_SUM_EXP
@group(0) @binding(6) var<storage, read_write> logSumExp: array<f32>;
//#endif
//#if DROPOUT
struct Step { seed: u32 }
@group(0) @binding(7) var<uniform> step: Step;
//#endif

const lowest = -3e38;

@compute @workgroup_size(WORKGROUP)
//#if QUAD
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) id: u32) {
  // A thread whose queries are all beyond the row's end still loads for the others.
  let lane = id % 4u;
  let last = (group.x + 1u) * WORKGROUP * OWN;
  let first = (group.x * WORKGROUP + local) * OWN;
//#else
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = 0u;
  let first = (group.x * WORKGROUP + local) * OWN;
  let last = first + OWN;
  if (first >= params.length) { return; }
//#endif
  // Heads and rows of the batch, folded into two dimensions of the grid.
  let pair = group.z * params.pairsAcross + group.y;
  if (pair >= params.pairs) { return; }
  let head = pair % params.heads;
  let b = pair / params.heads;
  let rows = b * params.length;
  let headAt = head * HEAD_VECTORS;
//#if DROPOUT
  let pairs = (b * params.heads + head) * params.length;
  let dropout = dropoutKey(step.seed, params.site);
//#endif
//#if CAUSAL
  let keys = min(lengths[b], last);
//#else
  let keys = min(lengths[b], params.length);
//#endif
  // Queries beyond the row's end repeat its last one and are not stored.
//#for r OWN
  let i{r} = min(first + {r}u, params.length - 1u);
  let query{r} = (rows + i{r}) * params.stride + headAt;
  var peak{r} = lowest;
  var sum{r} = 0.0;
//#endfor
  for (var j0 = 0u; j0 < keys; j0 += BLOCK) {
//#for t BLOCK
    let key{t} = (rows + min(j0 + {t}u, keys - 1u)) * params.stride + headAt;
//#for r OWN
    var product{r}_{t} = 0.0;
//#endfor
//#endfor
    for (var c = 0u; c < HEAD_VECTORS; c++) {
//#for r OWN
      let q{r} = q[query{r} + c];
//#endfor
//#for t BLOCK
      let k{t} = loadK(key{t} + c, lane);
//#for r OWN
      product{r}_{t} += dot(q{r}, k{t});
//#endfor
//#endfor
    }
    let ends = j0 + BLOCK >= keys;
//#for r OWN
    var high{r} = peak{r};
//#for t BLOCK
//#if CAUSAL
    let live{r}_{t} = j0 + {t}u < min(keys, i{r} + 1u);
//#else
    let live{r}_{t} = j0 + {t}u < keys;
//#endif
    let score{r}_{t} = select(lowest, params.scale * product{r}_{t}, live{r}_{t});
    high{r} = max(high{r}, score{r}_{t});
//#endfor
    let shrink{r} = exp(peak{r} - high{r});
    peak{r} = high{r};
    sum{r} *= shrink{r};
//#for t BLOCK
    var p{r}_{t} = exp(score{r}_{t} - high{r});
    sum{r} += p{r}_{t};
//#if DROPOUT
    p{r}_{t} = select(0.0, p{r}_{t} * params.keepScale, keeps(dropout, (pairs + i{r}) * params.length + j0 + {t}u, params.threshold));
//#endif
//#endfor
    let norm{r} = select(1.0, 1.0 / sum{r}, ends);
//#endfor
    for (var c = 0u; c < HEAD_VECTORS; c++) {
//#for r OWN
      var o{r} = vec4f();
//#endfor
      if (j0 > 0u) {
//#for r OWN
        o{r} = o[query{r} + c] * shrink{r};
//#endfor
      }
//#for t BLOCK
      let v{t} = loadV(key{t} + c, lane);
//#for r OWN
      o{r} += p{r}_{t} * v{t};
//#endfor
//#endfor
//#for r OWN
      if (first + {r}u < params.length) { o[query{r} + c] = o{r} * norm{r}; }
//#endfor
    }
  }
//#if STORE_LOG_SUM_EXP
//#for r OWN
  if (first + {r}u < params.length) { logSumExp[(rows + i{r}) * params.heads + head] = peak{r} + log(sum{r}); }
//#endfor
//#endif
}
