// HUT's weight transform, Eq. 10: y = diag(rowScale) · W0 · diag(columnScale), W0 read as [in, out]; stored [first, second] = [out, in] (NK)
// or [in, out]. One thread a value. A scale that is not there is 1.
// GRADIENT, one thread a scale: dRowScale[i] = Σ_o dW · W0 · columnScale[o];  dColumnScale[o] = Σ_i dW · W0 · rowScale[i].

struct Params { first: u32, second: u32 }
@group(0) @binding(0) var<uniform> params: Params;
//#include "weight"
//#if HAS_ROW_SCALE
@group(0) @binding(2) var<storage, read_write> rowScale: array<f32>;
fn rowScaleAt(i: u32) -> f32 { return rowScale[i]; }
//#else
fn rowScaleAt(i: u32) -> f32 { return 1.0; }
//#endif
//#if HAS_COLUMN_SCALE
@group(0) @binding(3) var<storage, read_write> columnScale: array<f32>;
fn columnScaleAt(o: u32) -> f32 { return columnScale[o]; }
//#else
fn columnScaleAt(o: u32) -> f32 { return 1.0; }
//#endif
//#if GRADIENT
@group(0) @binding(4) var<storage, read_write> dW: array<f32>;
@group(0) @binding(5) var<storage, read_write> dRowScale: array<f32>;
@group(0) @binding(6) var<storage, read_write> dColumnScale: array<f32>;
//#else
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
//#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + local;
//#if GRADIENT
  var sum = 0.0;
  if (i < params.first) {
    for (var q = 0u; q < params.second; q++) {
      let at = i * params.second + q;
//#if NK
      sum += dW[at] * weightAt(at) * rowScaleAt(q);
//#else
      sum += dW[at] * weightAt(at) * columnScaleAt(q);
//#endif
    }
//#if NK
    dColumnScale[i] = sum;
//#else
    dRowScale[i] = sum;
//#endif
  } else if (i < params.first + params.second) {
    let q = i - params.first;
    for (var p = 0u; p < params.first; p++) {
      let at = p * params.second + q;
//#if NK
      sum += dW[at] * weightAt(at) * columnScaleAt(p);
//#else
      sum += dW[at] * weightAt(at) * rowScaleAt(p);
//#endif
    }
//#if NK
    dRowScale[q] = sum;
//#else
    dColumnScale[q] = sum;
//#endif
  }
//#else
  if (i >= params.first * params.second) { return; }
//#if NK
  y[i] = rowScaleAt(i % params.second) * weightAt(i) * columnScaleAt(i / params.second);
//#else
  y[i] = rowScaleAt(i / params.second) * weightAt(i) * columnScaleAt(i % params.second);
//#endif
//#endif
}
