// y[i] = x[offset + c_0 * stride_0 + c_1 * stride_1 + ...]   for the coordinates c of element i of y, axis 0 innermost
// Transposes, slices and flips: strides may be negative. One invocation an element of type T (f32, or four
// neighbours as vec4f, offset and strides then counted in vectors).

alias T = {{TYPE}};

struct Params {
  count: u32,
  offset: i32,
#for a RANK
  size_{{a}}: u32,
  stride_{{a}}: i32,
#endfor
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  var rest = i;
  var at = params.offset;
#for a RANK
  let outer_{{a}} = rest / params.size_{{a}};
  at += i32(rest - outer_{{a}} * params.size_{{a}}) * params.stride_{{a}};
  rest = outer_{{a}};
#endfor
  y[i] = x[at];
}
