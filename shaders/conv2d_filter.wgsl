// dw[r,s,c,k] = sum over n,p,q of x[n, p sh + r dh - top, q sw + s dw - left, c] * dy[n,p,q,k]
// x: [N,H,W,C]  dy: [N,P,Q,K]  ->  dw: [R,S,C/groups,K]; c counts within k's group.
// The plain form: one invocation an element of dw. Handles everything.

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dw: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = flat_index(id, groups);
  if (at >= params.count) {
    return;
  }
  let k = at % params.K;
  let c = (at / params.K) % params.group_c;
  let tap = at / (params.K * params.group_c);
  let r = tap / params.S;
  let s = tap % params.S;
  let channel = (k / params.group_k) * params.group_c + c;

  var acc = 0.0;
  for (var n = 0u; n < params.N; n++) {
    for (var p = 0u; p < params.P; p++) {
      // Rows and columns before the first wrap round to large numbers and fail the test too.
      let h = p * params.stride_h + r * params.dilation_h - params.top;
      if (h >= params.H) {
        continue;
      }
      for (var q = 0u; q < params.Q; q++) {
        let v = q * params.stride_w + s * params.dilation_w - params.left;
        if (v >= params.W) {
          continue;
        }
        acc += x[((n * params.H + h) * params.W + v) * params.C + channel] * dy[((n * params.P + p) * params.Q + q) * params.K + k];
      }
    }
  }
  dw[at] = acc;
}
