// y[c_0, c_1, ...] = x[(c_0 - before_0) / dilation_0, ...] where that is an element of x, else value
// Axis 0 is the innermost. One invocation an element of type T (f32, or four neighbours as vec4f, the innermost axis
// then counted in vectors).

alias T = {{TYPE}};

struct Params {
  count: u32,
  value: f32,
#for a RANK
  size_{{a}}: u32,
  before_{{a}}: u32,
  extent_{{a}}: u32,
  dilation_{{a}}: u32,
  stride_{{a}}: u32,
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
  var at = 0u;
  var inside = true;
#for a RANK
  let outer_{{a}} = rest / params.size_{{a}};
  // Unsigned: what lies before x becomes large and fails the test.
  let offset_{{a}} = rest - outer_{{a}} * params.size_{{a}} - params.before_{{a}};
#if DILATED
  let source_{{a}} = offset_{{a}} / params.dilation_{{a}};
  inside = inside && source_{{a}} < params.extent_{{a}} && source_{{a}} * params.dilation_{{a}} == offset_{{a}};
#else
  let source_{{a}} = offset_{{a}};
  inside = inside && source_{{a}} < params.extent_{{a}};
#endif
  at += source_{{a}} * params.stride_{{a}};
  rest = outer_{{a}};
#endfor
  if (inside) {
    y[i] = x[at];
  } else {
    y[i] = T(params.value);
  }
}
