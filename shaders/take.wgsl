// y[outer, k, inner] = x[outer, indices[k], inner]
// One invocation an element of type T (f32, or four neighbours as vec4f).

alias T = {{TYPE}};

#include "take_params"
@group(0) @binding(3) var<storage, read> indices: array<f32>;

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let along = i / params.inner;
  let outer = along / params.taken;
  let source = u32(indices[along - outer * params.taken]);
  y[i] = x[(outer * params.size + source) * params.inner + (i - along * params.inner)];
}
