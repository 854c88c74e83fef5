// dx[n,h,v,c] = sum over r,s, with p sh + r - top = h and q sw + s - left = v, of dy[n,p,q,c] * w[r,s,0,c]
// dy: [N,P,Q,C]  w: [R,S,1,C]  ->  dx: [N,H,W,C]: every channel has its own filter (groups = C, C a multiple of 4), without dilation.
// One invocation BLOCKS blocks of SW neighbours of a row of dx times four channels, in registers. Counted from the padded
// corner, pixel j of block b is seen by the windows b - l with the taps l SW + j: the COLUMNS windows of a row of dy are loaded
// once for all pixels, and which of them meets which tap is known to the compiler.
// Grid: x tiles of a row times channels, y rows of dx, z pictures. Offsets along C count vec4s: params.C is C / 4.

alias T = vec4f;

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
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
  // Blocks wholly in the padding are left out.
  let block = tile * {{BLOCKS}}u + params.left / {{SW}}u;
  let v0 = i32(block * {{SW}}u) - i32(params.left);
  let c = index - tile * params.C;
  let h = id.y;
  let n = id.z;
  let q0 = i32(block) - {{WINDOWS - 1}};
  let last = i32(params.Q) - 1;
  // Offsets of the windows within a row, those outside moved onto the edge, and then taken for 0.
#for j COLUMNS
  let column_{{j}} = u32(clamp(q0 + {{j}}, 0, last)) * params.C + c;
  let inside_{{j}} = u32(q0 + {{j}}) < params.Q;
#endfor
#for t BLOCKS
#for j SW
  var acc_{{t}}_{{j}} = T(0.0);
#endfor
#endfor
  var p = (h + params.top) / params.stride_h;
  for (var r = (h + params.top) % params.stride_h; r < params.R; r += params.stride_h) {
    // Below zero p wraps round to a large number and fails the test too.
    if (p < params.P) {
      let row = (n * params.P + p) * params.Q * params.C;
#for j COLUMNS
      let d_{{j}} = select(T(0.0), dy[row + column_{{j}}], inside_{{j}});
#endfor
      let w_row = r * {{S}}u * params.C + c;
#for l WINDOWS
#for j SW
      if ({{l * SW + j}} < {{S}}) {
        let tap = w[w_row + {{l * SW + j}}u * params.C];
#for t BLOCKS
        acc_{{t}}_{{j}} += d_{{t + WINDOWS - 1 - l}} * tap;
#endfor
      }
#endfor
#endfor
    }
    p--;
  }
  if (id.x >= params.count) {
    return;
  }
  let dx_at = ((n * params.H + h) * params.W) * params.C + c;
#for t BLOCKS
#for j SW
  {
    let v = v0 + {{t * SW + j}};
    if (u32(v) < params.W) {
      let at = dx_at + u32(v) * params.C;
      dx[at] = epilogue(acc_{{t}}_{{j}}, at, c);
    }
  }
#endfor
#endfor
}
