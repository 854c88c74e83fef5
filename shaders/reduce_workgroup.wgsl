// y[k] = sum (or max) over r of x[k, r]      (see reduce.wgsl)
// One workgroup an element of y: each invocation takes every WORKGROUP-th term, then a tree in workgroup memory joins
// them. For few results of many terms, where one invocation a result leaves the device idle.

#include "reduce_params"

const WORKGROUP = {{WORKGROUP}}u;

var<workgroup> partial: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let k = group.x + group.y * groups.x;
  if (k >= params.count) {
    return;
  }
  let base = kept_offset(k);
  // Every lane starts from a real term; length >= WORKGROUP where this variant is chosen.
  var acc = x[base + term_offset(lane)];
  for (var r = lane + WORKGROUP; r < params.length; r += WORKGROUP) {
    acc = combine(acc, x[base + term_offset(r)]);
  }
  partial[lane] = acc;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] = combine(partial[lane], partial[lane + half]);
    }
  }
  if (lane == 0u) {
    y[k] = partial[0];
  }
}

fn term_offset(r: u32) -> u32 {
  return (r / params.reduced_inner) * params.reduced_stride0 + (r % params.reduced_inner) * params.reduced_stride1;
}
