// y[n,p,q,c] = sum over r,s of x[n, p sh + r dh - top, q sw + s dw - left, c] * w[r,s,0,c]
// x: [N,H,W,C]  w: [R,S,1,C]  ->  y: [N,P,Q,C]: every channel has its own filter (groups = C, C a multiple of 4).
// One invocation PIXELS neighbours of a row of y times four channels, in registers: the COLUMNS pixels of a row of x that they
// see are loaded once for all of them, a row of the filter once a row. Taps S, stride SW and dilation DW of a row are
// written in, so that which pixel meets which tap is known to the compiler.
// Grid: x tiles of a row times channels, y rows of y, z pictures. Offsets along C count vec4s: params.C is C / 4.

alias T = vec4f;

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;
@group(0) @binding(3) var<storage, read> w: array<T>;
{{EPILOGUE_BINDINGS}}

const WORKGROUP = {{WORKGROUP}}u;

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  // Invocations beyond the end repeat the last one's loads.
  let index = min(id.x, params.count - 1u);
  let tile = index / params.C;
  let q0 = tile * {{PIXELS}}u;
  let c = index - tile * params.C;
  let p = id.y;
  let n = id.z;
  let v0 = i32(q0 * {{SW}}u) - i32(params.left);
  let last = i32(params.W) - 1;
  // Offsets of the columns within a row, those outside moved onto the edge, and then taken for 0.
#for j COLUMNS
  let column_{{j}} = u32(clamp(v0 + {{j}}, 0, last)) * params.C + c;
  let inside_{{j}} = u32(v0 + {{j}}) < params.W;
#endfor
#for t PIXELS
  var acc_{{t}} = T(0.0);
#endfor
  for (var r = 0u; r < params.R; r++) {
    // Rows before the first wrap round to large numbers and fail the test too.
    let h = p * params.stride_h + r * params.dilation_h - params.top;
    let row_inside = h < params.H;
    let row = (n * params.H + h) * params.W * params.C;
#for j COLUMNS
    let x_{{j}} = select(T(0.0), x[row + column_{{j}}], inside_{{j}} & row_inside);
#endfor
#for s S
    let w_{{s}} = w[(r * {{S}}u + {{s}}u) * params.C + c];
#for t PIXELS
    acc_{{t}} += x_{{t * SW + s * DW}} * w_{{s}};
#endfor
#endfor
  }
  if (id.x >= params.count) {
    return;
  }
  let y_at = ((n * params.P + p) * params.Q + q0) * params.C + c;
#for t PIXELS
  if (q0 + {{t}}u < params.Q) {
    let at = y_at + {{t}}u * params.C;
    y[at] = epilogue(acc_{{t}}, at, c);
  }
#endfor
}
