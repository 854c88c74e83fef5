// dw[r,s,0,c] = sum over n,p,q of x[n, p sh + r dh - top, q sw + s dw - left, c] * dy[n,p,q,c]
// x: [N,H,W,C]  dy: [N,P,Q,C]  ->  dw: [R,S,1,C]: every channel has its own filter (groups = C, C a multiple of 4).
// One workgroup four channels of one row of taps: its invocations take every WORKGROUP-th row of dy, PIXELS neighbours at a
// time, whose COLUMNS pixels of x are loaded once for all S taps. A tree in workgroup memory joins the invocations in a
// fixed order. Taps S, stride SW and dilation DW are written in. Offsets along C count vec4s: params.C is C / 4.

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;

const WORKGROUP = {{WORKGROUP}}u;

#for s S
var<workgroup> partial_{{s}}: array<vec4f, WORKGROUP>;
#endfor

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
  let r = at / params.C;
#for s S
  var sum_{{s}} = vec4f(0.0);
#endfor
  for (var row = lane; row < params.N * params.P; row += WORKGROUP) {
    // Rows and columns before the first wrap round to large numbers and fail the test too.
    let h = (row % params.P) * params.stride_h + r * params.dilation_h - params.top;
    if (h >= params.H) {
      continue;
    }
    let x_row = ((row / params.P) * params.H + h) * params.W;
    for (var q = 0u; q < params.Q; q += {{PIXELS}}u) {
      let v = q * {{SW}}u - params.left;
#for j COLUMNS
      let x_{{j}} = select(vec4f(0.0), x[(x_row + min(v + {{j}}u, params.W - 1u)) * params.C + c], v + {{j}}u < params.W);
#endfor
#for t PIXELS
      let d_{{t}} = select(
        vec4f(0.0),
        dy[(row * params.Q + min(q + {{t}}u, params.Q - 1u)) * params.C + c],
        q + {{t}}u < params.Q,
      );
#endfor
#for s S
#for t PIXELS
      sum_{{s}} += x_{{t * SW + s * DW}} * d_{{t}};
#endfor
#endfor
    }
  }
#for s S
  partial_{{s}}[lane] = sum_{{s}};
#endfor
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
#for s S
      partial_{{s}}[lane] += partial_{{s}}[lane + half];
#endfor
    }
  }
  if (lane == 0u) {
#for s S
    dw[(r * {{S}}u + {{s}}u) * params.C + c] = partial_{{s}}[0];
#endfor
  }
}
