// What every variant of `linear` binds, included by each. With T a vec4f of four columns (or f32, SCALAR):
//   raw = alpha · (x ⊙ rowScale) · W          x: [rows, inner]; W: [columns, inner] (NK) or [inner, columns]
//   y   = f(raw ⊙ columnScale + lowRankAlpha · u · v + bias) · g'(gate) + residual       all [rows, columns]; u: [rows, rank]
// v: [columns, rank] (LOW_RANK_NK) or [rank, columns]; columnScale and u · v never stand together. HALF_WEIGHTS: W holds f16, four in
// a vec2u. QUAD: x and rowScale are read one value at a time.

//#if FOLDED
struct Params { rows: u32, inner: u32, columns: u32, rank: u32, alpha: f32, lowRankAlpha: f32, tilesAcross: u32, groupsAcross: u32 }
//#else
struct Params { rows: u32, inner: u32, columns: u32, rank: u32, alpha: f32, lowRankAlpha: f32 }
//#endif
@group(0) @binding(0) var<uniform> params: Params;

// Which tile a workgroup computes, by column and row. FOLDED: there are more in one direction than a grid may have.
fn tileOf(group: vec3u) -> vec2u {
//#if FOLDED
  let at = group.y * params.groupsAcross + group.x;
  return vec2u(at % params.tilesAcross, at / params.tilesAcross);
//#else
  return group.xy;
//#endif
}

//#if SCALAR
alias T = f32;
const WIDTH = 1u;
//#else
alias T = vec4f;
const WIDTH = 4u;
//#endif

//#if QUAD
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
//#else
@group(0) @binding(1) var<storage, read_write> x: array<T>;
//#endif
//#if HALF_WEIGHTS
//#if SCALAR
@group(0) @binding(2) var<storage, read> weight: array<u32>;
fn loadWeight(at: u32) -> T { return unpack2x16float(weight[at / 2u])[at % 2u]; }
//#else
@group(0) @binding(2) var<storage, read> weight: array<vec2u>;
fn loadWeight(at: u32) -> T { let packed = weight[at]; return vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y)); }
//#endif
//#else
//#if FROZEN_WEIGHT
@group(0) @binding(2) var<storage, read> weight: array<T>;
//#else
@group(0) @binding(2) var<storage, read_write> weight: array<T>;
//#endif
fn loadWeight(at: u32) -> T { return weight[at]; }
//#endif
@group(0) @binding(3) var<storage, read_write> y: array<T>;

//#if QUAD
//#if HAS_ROW_SCALE
@group(0) @binding(4) var<storage, read_write> rowScale: array<f32>;
//#endif
//#else
//#if HAS_ROW_SCALE
@group(0) @binding(4) var<storage, read_write> rowScale: array<T>;
fn loadX(row: u32, k: u32) -> T { return x[row * (params.inner / WIDTH) + k] * rowScale[k]; }
//#else
fn loadX(row: u32, k: u32) -> T { return x[row * (params.inner / WIDTH) + k]; }
//#endif
//#endif
//#if HAS_COLUMN_SCALE
@group(0) @binding(5) var<storage, read_write> columnScale: array<T>;
//#endif
//#if HAS_BIAS
//#if FROZEN_BIAS
@group(0) @binding(6) var<storage, read> bias: array<T>;
//#else
@group(0) @binding(6) var<storage, read_write> bias: array<T>;
//#endif
//#endif
//#if HAS_LOW_RANK
@group(0) @binding(7) var<storage, read_write> u: array<f32>;
//#if LOW_RANK_NK
@group(0) @binding(8) var<storage, read_write> v: array<f32>;
//#else
@group(0) @binding(8) var<storage, read_write> v: array<T>;
//#endif
// The four columns of v at rank index k.
fn loadV(k: u32, column: u32) -> T {
//#if LOW_RANK_NK
//#if SCALAR
  return v[column * params.rank + k];
//#else
  let at = column * 4u * params.rank + k;
  return vec4f(v[at], v[at + params.rank], v[at + 2u * params.rank], v[at + 3u * params.rank]);
//#endif
//#else
  return v[k * (params.columns / WIDTH) + column];
//#endif
}
//#endif
//#if HAS_RESIDUAL
@group(0) @binding(9) var<storage, read_write> residual: array<T>;
//#endif
//#if HAS_GATE
@group(0) @binding(10) var<storage, read_write> gate: array<T>;
//#endif
//#if STORE_RAW
@group(0) @binding(11) var<storage, read_write> raw: array<T>;
//#endif
//#if STORE_PREACTIVATION
@group(0) @binding(12) var<storage, read_write> preactivation: array<T>;
//#endif

//#if ANY_ACTIVATION
//#include "activation"
//#if SCALAR
fn activateAll(z: T) -> T { return activate(z); }
fn activateGradientAll(z: T) -> T { return activateGradient(z); }
//#else
fn activateAll(z: T) -> T { return vec4f(activate(z.x), activate(z.y), activate(z.z), activate(z.w)); }
fn activateGradientAll(z: T) -> T { return vec4f(activateGradient(z.x), activateGradient(z.y), activateGradient(z.z), activateGradient(z.w)); }
//#endif
//#endif

// The epilogue of one output: `at` indexes [rows, columns] in units of T, `sum` is raw, with the low rank product added.
fn finish(at: u32, column: u32, sum: T) {
  var value = sum;
//#if STORE_RAW
  raw[at] = value;
//#endif
//#if HAS_COLUMN_SCALE
  value *= columnScale[column];
//#endif
//#if HAS_BIAS
  value += bias[column];
//#endif
//#if STORE_PREACTIVATION
  preactivation[at] = value;
//#endif
//#if HAS_ACTIVATION
  value = activateAll(value);
//#endif
//#if HAS_GATE
  value *= activateGradientAll(gate[at]);
//#endif
//#if HAS_RESIDUAL
  value += residual[at];
//#endif
  y[at] = value;
}
