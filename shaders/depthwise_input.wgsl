// dx[n,h,v,c] = sum over r,s, with p sh + r dh - top = h and q sw + s dw - left = v, of dy[n,p,q,c] * w[r,s,0,c]
// dy: [N,P,Q,C]  w: [R,S,1,C]  ->  dx: [N,H,W,C]: every channel has its own filter (groups = C, C a multiple of 4).
// One invocation four channels of one pixel of dx. Offsets along C count vec4s: params.C and params.K are C / 4.

alias T = vec4f;

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read> w: array<T>;
{{EPILOGUE_BINDINGS}}

#include "flat_index"

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = flat_index(id, groups);
  if (at >= params.count) {
    return;
  }
  let c = at % params.C;
  let pixel = at / params.C;
  let v = pixel % params.W;
  let h = (pixel / params.W) % params.H;
  let n = pixel / (params.W * params.H);

  var acc = T(0.0);
  for (var r = 0u; r < params.R; r++) {
    // Below zero these wrap round to large numbers, whose quotients fail the test (sizes stay far below 2^32 / stride).
    let down = h + params.top - r * params.dilation_h;
    let p = down / params.stride_h;
    if (down % params.stride_h != 0u || p >= params.P) {
      continue;
    }
    for (var s = 0u; s < params.S; s++) {
      let across = v + params.left - s * params.dilation_w;
      let q = across / params.stride_w;
      if (across % params.stride_w != 0u || q >= params.Q) {
        continue;
      }
      acc += dy[((n * params.P + p) * params.Q + q) * params.C + c] * w[(r * params.S + s) * params.C + c];
    }
  }
  dx[at] = epilogue(acc, at, c);
}
