// y[i,j] = sum over p of x[i,p,j]
// x: [outer,parts,inner]  ->  y: [outer,inner], in units of T. One invocation a unit of y, parts in order; neighbouring
// invocations read neighbouring units. The second half of a split product; bias and activation are its epilogue.

alias T = {{TYPE}};

struct Params {
  count: u32,
  parts: u32,
  inner: u32,
  channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;
{{EPILOGUE_BINDINGS}}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  var at = (i / params.inner) * params.parts * params.inner + i % params.inner;
  var acc = x[at];
  for (var p = 1u; p < params.parts; p++) {
    at += params.inner;
    acc += x[at];
  }
  y[i] = epilogue(acc, i, i % params.channels);
}
