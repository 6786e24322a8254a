// Gradients of attention.wgsl, recomputing p from logSumExp; with (delta, logSumExp) of each query from attention-statistics.wgsl:
//   p_ij = exp(scale · q_i · k_j - logSumExp_i)        ds_ij = scale · p_ij (dy_i · v_j - delta_i)
//   QUERIES  dq_i = Σ_j ds_ij k_j                      a thread takes OWN queries i and walks over keys j
//   else     dk_j = Σ_i ds_ij q_i, dv_j = Σ_i p_ij dy_i   a thread takes OWN keys j and walks over queries i
// Under DROPOUT dy_i · v_j and the p in dv carry the mask and keepScale.
//
// Both passes are one code on mirrored names: own and across are q and k (or k and q), ownPair and acrossPair dy and v (or v and dy).
// A thread takes the other side BLOCK rows at a time, OWN × BLOCK scores in registers; the unfinished gradients rest in memory.
// QUAD: a workgroup is one quad (quad.wgsl), whose threads share what they load of the other side.
//#include "random"
//#if QUAD
//#include "quad"
//#endif

struct Params { length: u32, heads: u32, pairs: u32, pairsAcross: u32, stride: u32, scale: f32, site: u32, threshold: u32, keepScale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> own: array<vec4f>;
//#if QUAD
@group(0) @binding(2) var<storage, read_write> across: array<f32>;
@group(0) @binding(5) var<storage, read_write> acrossPair: array<f32>;
fn loadAcross(at: u32, lane: u32) -> vec4f { return spread(across[at * 4u + lane]); }
fn loadAcrossPair(at: u32, lane: u32) -> vec4f { return spread(acrossPair[at * 4u + lane]); }
//#else
@group(0) @binding(2) var<storage, read_write> across: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> acrossPair: array<vec4f>;
fn loadAcross(at: u32, lane: u32) -> vec4f { return across[at]; }
fn loadAcrossPair(at: u32, lane: u32) -> vec4f { return acrossPair[at]; }
//#endif
//#if WANT_OWN
@group(0) @binding(3) var<storage, read_write> ownPair: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dOwn: array<vec4f>;
//#endif
@group(0) @binding(6) var<storage, read_write> statistics: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> lengths: array<u32>;
//#if WANT_VALUE
@group(0) @binding(8) var<storage, read_write> dv: array<vec4f>;
//#endif
//#if DROPOUT
struct Step { seed: u32 }
@group(0) @binding(9) var<uniform> step: Step;
//#endif

@compute @workgroup_size(WORKGROUP)
//#if QUAD
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) id: u32) {
  // A thread whose own rows are all beyond the end still loads for the others; so turns start and end for the quad as a whole.
  let lane = id % 4u;
  let low = group.x * WORKGROUP * OWN;
  let high = low + WORKGROUP * OWN;
  let first = low + local * OWN;
//#else
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = 0u;
  let first = (group.x * WORKGROUP + local) * OWN;
  let low = first;
  let high = first + OWN;
  if (first >= params.length) { return; }
//#endif
  // Heads and rows of the batch, folded into two dimensions of the grid.
  let pair = group.z * params.pairsAcross + group.y;
  if (pair >= params.pairs) { return; }
  let head = pair % params.heads;
  let b = pair / params.heads;
  let rows = b * params.length;
  let headAt = head * HEAD_VECTORS;
  let keys = min(lengths[b], params.length);
//#if DROPOUT
  let pairs = (b * params.heads + head) * params.length;
  let dropout = dropoutKey(step.seed, params.site);
//#endif
  var start = 0u;
//#if QUERIES
  var end = keys;
//#if CAUSAL
  end = min(keys, high);
//#endif
//#else
  // A masked key still takes a turn, in which all its p are zero, so that its gradients are written.
  let end = params.length;
//#if CAUSAL
  start = low;
//#endif
  if (low >= keys) { start = end - 1u; }
//#endif
  // Rows beyond the end repeat the last one and are not stored.
//#for r OWN
  let at{r} = (rows + min(first + {r}u, params.length - 1u)) * params.stride + headAt;
//#if QUERIES
  let ownStatistics{r} = statistics[(rows + min(first + {r}u, params.length - 1u)) * params.heads + head];
//#endif
//#endfor

  for (var turn = start; turn < end; turn += BLOCK) {
//#for t BLOCK
    let row{t} = rows + min(turn + {t}u, end - 1u);
    let acrossAt{t} = row{t} * params.stride + headAt;
//#if !QUERIES
    let acrossStatistics{t} = statistics[row{t} * params.heads + head];
//#endif
//#for r OWN
    var score{r}_{t} = 0.0;
    var product{r}_{t} = 0.0;
//#endfor
//#endfor
    for (var c = 0u; c < HEAD_VECTORS; c++) {
//#for r OWN
      let own{r} = own[at{r} + c];
//#endfor
//#for t BLOCK
      let across{t} = loadAcross(acrossAt{t} + c, lane);
//#for r OWN
      score{r}_{t} += dot(own{r}, across{t});
//#endfor
//#endfor
    }
//#if WANT_OWN
    for (var c = 0u; c < HEAD_VECTORS; c++) {
//#for r OWN
      let own{r} = ownPair[at{r} + c];
//#endfor
//#for t BLOCK
      let across{t} = loadAcrossPair(acrossAt{t} + c, lane);
//#for r OWN
      product{r}_{t} += dot(own{r}, across{t});
//#endfor
//#endfor
    }
//#endif
//#for r OWN
//#for t BLOCK
//#if QUERIES
    let i{r}_{t} = first + {r}u;
    let j{r}_{t} = turn + {t}u;
    let s{r}_{t} = ownStatistics{r};
//#else
    let i{r}_{t} = turn + {t}u;
    let j{r}_{t} = first + {r}u;
    let s{r}_{t} = acrossStatistics{t};
//#endif
//#if CAUSAL
    let live{r}_{t} = (turn + {t}u < end) & (j{r}_{t} < min(keys, i{r}_{t} + 1u));
//#else
    let live{r}_{t} = (turn + {t}u < end) & (j{r}_{t} < keys);
//#endif
    let p{r}_{t} = select(0.0, exp(params.scale * score{r}_{t} - s{r}_{t}.y), live{r}_{t});
//#if DROPOUT
    let kept{r}_{t} = select(0.0, params.keepScale, keeps(dropout, (pairs + i{r}_{t}) * params.length + j{r}_{t}, params.threshold));
//#else
    let kept{r}_{t} = 1.0;
//#endif
    let ds{r}_{t} = params.scale * p{r}_{t} * (kept{r}_{t} * product{r}_{t} - s{r}_{t}.x);
    let kept_p{r}_{t} = p{r}_{t} * kept{r}_{t};
//#endfor
//#endfor
//#if WANT_OWN
    for (var c = 0u; c < HEAD_VECTORS; c++) {
//#for r OWN
      var sum{r} = vec4f();
//#endfor
      if (turn > start) {
//#for r OWN
        sum{r} = dOwn[at{r} + c];
//#endfor
      }
//#for t BLOCK
      let across{t} = loadAcross(acrossAt{t} + c, lane);
//#for r OWN
      sum{r} += ds{r}_{t} * across{t};
//#endfor
//#endfor
//#for r OWN
      if (first + {r}u < params.length) { dOwn[at{r} + c] = sum{r}; }
//#endfor
    }
//#endif
//#if WANT_VALUE
    for (var c = 0u; c < HEAD_VECTORS; c++) {
//#for r OWN
      var sum{r} = vec4f();
//#endfor
      if (turn > start) {
//#for r OWN
        sum{r} = dv[at{r} + c];
//#endfor
      }
//#for t BLOCK
      let across{t} = loadAcrossPair(acrossAt{t} + c, lane);
//#for r OWN
      sum{r} += kept_p{r}_{t} * across{t};
//#endfor
//#endfor
//#for r OWN
      if (first + {r}u < params.length) { dv[at{r} + c] = sum{r}; }
//#endfor
    }
//#endif
  }
}
