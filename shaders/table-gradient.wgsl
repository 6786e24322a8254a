// dTable[v, :] += Σ_r scores[r, v] · hidden[r, :] over the tokens of a chunk (FIRST: =); a thread takes four words and four columns.
// scores: [rows, stride]; hidden: [rows, columns]; dTable: [entries, columns].

struct Params { rows: u32, entries: u32, stride: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> hidden: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dTable: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  let vectors = params.columns / 4u;
  let words = at / vectors;
  let column = at % vectors;
  if (words >= params.stride / 4u) { return; }
//#for v 4
  var sum{v} = vec4f();
//#endfor
  for (var r = 0u; r < params.rows; r++) {
    let dz = scores[r * params.stride / 4u + words];
    let h = hidden[r * vectors + column];
//#for v 4
    sum{v} += dz[{v}] * h;
//#endfor
  }
//#for v 4
  let word{v} = words * 4u + {v}u;
  if (word{v} < params.entries) {
//#if FIRST
    dTable[word{v} * vectors + column] = sum{v};
//#else
    dTable[word{v} * vectors + column] += sum{v};
//#endif
  }
//#endfor
}
