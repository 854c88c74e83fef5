// y[pixel,c] = x[pixel,c] * scale^-beta,   scale = bias + rate * (sum of x[pixel,k]² for k in c-before .. c+after)
// x: [pixels, C] -> y: [pixels, C]
// One invocation an element.

#include "lrn_params"
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
#include "lrn_scale"
#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let c = i % params.channels;
  y[i] = x[i] * pow(lrn_scale(i - c, c), -params.beta);
}
