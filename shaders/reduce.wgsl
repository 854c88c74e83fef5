// y[k] = sum (or max) over r of x[k, r]
// x is any row-major array whose axes, neighbours merged, are at most two kept and two reduced ones, in any order.
// One invocation an element of y; it walks the reduced axes in order.

#include "reduce_params"
#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let k = flat_index(id, groups);
  if (k >= params.count) {
    return;
  }
  let base = kept_offset(k);
  var acc = x[base];
  var offset0 = base;
  let outer = params.length / params.reduced_inner;
  var first = 1u;
  for (var i = 0u; i < outer; i++) {
    for (var j = first; j < params.reduced_inner; j++) {
      acc = combine(acc, x[offset0 + j * params.reduced_stride1]);
    }
    first = 0u;
    offset0 += params.reduced_stride0;
  }
  y[k] = acc;
}
