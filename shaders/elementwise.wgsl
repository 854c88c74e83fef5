// y[i] = program(x0[...], x1[...], ...)   for every element i of y, inputs broadcast to its shape
// One invocation an element of type T (f32, or four neighbours along the last axis as vec4f).
// BODY is the program as straight-line code, written by src/kernels/elementwise.ts.

alias T = {{TYPE}};

struct Params {
{{PARAMS}}
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
{{BINDINGS}}

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
{{BODY}}
  y[i] = {{RESULT}};
}
