// y[k,i] = exp(x[k,i] - m[k]) / s[k],   m[k] = max over i of x[k,i],   s[k] = sum over i of exp(x[k,i] - m[k])
// or, with LOG, (x[k,i] - m[k]) - log(s[k]).      x: rows k of elements i, in any layout of one axis
// One invocation a row.

#include "softmax_params"
#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let k = flat_index(id, groups);
  if (k >= params.count) {
    return;
  }
  let start = row_start(k);
  let end = start + params.length * params.stride;
  var largest = x[start];
  for (var at = start; at < end; at += params.stride) {
    largest = max(largest, x[at]);
  }
  var sum = 0.0;
  for (var at = start; at < end; at += params.stride) {
    sum += exp(x[at] - largest);
  }
  for (var at = start; at < end; at += params.stride) {
    y[at] = normalized(x[at], largest, sum);
  }
}
