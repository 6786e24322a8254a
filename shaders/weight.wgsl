// A tensor at binding 1, included by what reads it one value at a time: trained or computed, frozen (FROZEN_WEIGHT), or frozen and
// packed, two f16 in a u32 (HALF_WEIGHTS).

//#if HALF_WEIGHTS
@group(0) @binding(1) var<storage, read> weight: array<u32>;
fn weightAt(at: u32) -> f32 { return unpack2x16float(weight[at / 2u])[at % 2u]; }
//#else
//#if FROZEN_WEIGHT
@group(0) @binding(1) var<storage, read> weight: array<f32>;
//#else
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
//#endif
fn weightAt(at: u32) -> f32 { return weight[at]; }
//#endif
