// dx[outer, j, inner] = sum of dy[outer, positions[k], inner] for k in offsets[j] .. offsets[j + 1] - 1
// Here `x` is dy and `y` is dx: `size` counts dy's axis, `taken` dx's.
// One invocation an element of type T (f32, or four neighbours as vec4f).

alias T = {{TYPE}};

#include "take_params"
@group(0) @binding(3) var<storage, read> offsets: array<f32>;
@group(0) @binding(4) var<storage, read> positions: array<f32>;

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let along = i / params.inner;
  let inner = i - along * params.inner;
  let outer = along / params.taken;
  let j = along - outer * params.taken;
  let end = u32(offsets[j + 1u]);
  var acc = T(0.0);
  for (var k = u32(offsets[j]); k < end; k++) {
    acc += x[(outer * params.size + u32(positions[k])) * params.inner + inner];
  }
  y[i] = acc;
}
