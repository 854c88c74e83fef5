// y[row, start_k + j] = xk[row, j]   for each input k and j < length_k: the inputs one after another in every row
// One invocation an element of type T (f32, or four neighbours as vec4f, lengths then counted in vectors) of {{ROWS}} rows: which
// input a column comes from is found once for all of them.

alias T = {{TYPE}};

struct Params {
  count: u32,
  row_length: u32,
  rows: u32,
#for k INPUTS
  start_{{k}}: u32,
  length_{{k}}: u32,
#endfor
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
#for k INPUTS
@group(0) @binding(2 + {{k}}) var<storage, read> x{{k}}: array<T>;
#endfor

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let block = i / params.row_length;
  let column = i - block * params.row_length;
  let first = block * {{ROWS}}u;
  let end = min(first + {{ROWS}}u, params.rows);
#for k INPUTS
  // Unsigned: a column before the input's start becomes large and fails the test.
  let j_{{k}} = column - params.start_{{k}};
  if (j_{{k}} < params.length_{{k}}) {
    for (var row = first; row < end; row++) {
      y[row * params.row_length + column] = x{{k}}[row * params.length_{{k}} + j_{{k}}];
    }
  }
#endfor
}
