// y[n,p,q,c] = sum over r,s of x[n, p sh + r dh - top, q sw + s dw - left, c] * w[r,s,0,c]
// x: [N,H,W,C]  w: [R,S,1,C]  ->  y: [N,P,Q,C]: every channel has its own filter (groups = C, C a multiple of 4).
// One invocation four channels of one pixel of y. Offsets along C count vec4s: params.C and params.K are C / 4.

alias T = vec4f;

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;
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
  let q = pixel % params.Q;
  let p = (pixel / params.Q) % params.P;
  let n = pixel / (params.Q * params.P);

  var acc = T(0.0);
  for (var r = 0u; r < params.R; r++) {
    // Rows and columns before the first wrap round to large numbers and fail the test too.
    let h = p * params.stride_h + r * params.dilation_h - params.top;
    if (h >= params.H) {
      continue;
    }
    for (var s = 0u; s < params.S; s++) {
      let v = q * params.stride_w + s * params.dilation_w - params.left;
      if (v >= params.W) {
        continue;
      }
      acc += x[((n * params.H + h) * params.W + v) * params.C + c] * w[(r * params.S + s) * params.C + c];
    }
  }
  y[at] = epilogue(acc, at, c);
}
