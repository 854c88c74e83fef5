// dw[r,s,0,c] = sum over n,p,q of x[n, p sh + r dh - top, q sw + s dw - left, c] * dy[n,p,q,c]
// x: [N,H,W,C]  dy: [N,P,Q,C]  ->  dw: [R,S,1,C]: every channel has its own filter (groups = C, C a multiple of 4).
// One workgroup four channels of one tap: its invocations take every WORKGROUP-th row of dy, and a tree in workgroup
// memory joins them in a fixed order. Offsets along C count vec4s: params.C and params.K are C / 4.

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;

const WORKGROUP = {{WORKGROUP}}u;

var<workgroup> partial: array<vec4f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = group.x + group.y * groups.x;
  if (at >= params.count) {
    return;
  }
  let c = at % params.C;
  let tap = at / params.C;
  let r = tap / params.S;
  let s = tap % params.S;

  var acc = vec4f(0.0);
  for (var row = lane; row < params.N * params.P; row += WORKGROUP) {
    // Rows and columns before the first wrap round to large numbers and fail the test too.
    let h = (row % params.P) * params.stride_h + r * params.dilation_h - params.top;
    if (h >= params.H) {
      continue;
    }
    let x_row = ((row / params.P) * params.H + h) * params.W;
    for (var q = 0u; q < params.Q; q++) {
      let v = q * params.stride_w + s * params.dilation_w - params.left;
      if (v >= params.W) {
        continue;
      }
      acc += x[(x_row + v) * params.C + c] * dy[(row * params.Q + q) * params.C + c];
    }
  }
  partial[lane] = acc;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
  }
  if (lane == 0u) {
    dw[at] = partial[0];
  }
}
