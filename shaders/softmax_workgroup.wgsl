// y[k,i] = exp(x[k,i] - m[k]) / s[k]      (see softmax.wgsl)
// One workgroup a row: each invocation takes every WORKGROUP-th element, then all read the partial results of all.
// For few long rows (the classes of a network), where one invocation a row leaves the device idle.

#include "softmax_params"

const WORKGROUP = {{WORKGROUP}}u;

var<workgroup> largest_of: array<f32, WORKGROUP>;
var<workgroup> sum_of: array<f32, WORKGROUP>;

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
  let first = row_start(k) + lane * params.stride;
  let end = row_start(k) + params.length * params.stride;
  let step = WORKGROUP * params.stride;
  // Every lane starts from a real element; length >= WORKGROUP where this variant is chosen.
  var largest = x[first];
  for (var at = first; at < end; at += step) {
    largest = max(largest, x[at]);
  }
  largest_of[lane] = largest;
  workgroupBarrier();
  for (var other = 0u; other < WORKGROUP; other++) {
    largest = max(largest, largest_of[other]);
  }
  var sum = 0.0;
  for (var at = first; at < end; at += step) {
    sum += exp(x[at] - largest);
  }
  sum_of[lane] = sum;
  workgroupBarrier();
  sum = 0.0;
  for (var other = 0u; other < WORKGROUP; other++) {
    sum += sum_of[other];
  }
  for (var at = first; at < end; at += step) {
    y[at] = normalized(x[at], largest, sum);
  }
}
