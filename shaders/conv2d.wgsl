// y[n,p,q,k] = sum over r,s,c of x[n, p sh + r dh - top, q sw + s dw - left, c] * w[r,s,c,k]
// x: [N,H,W,C]  w: [R,S,C/groups,K]  ->  y: [N,P,Q,K]
// The plain form: one invocation an element of y. Handles everything.

alias T = f32;

// Letters as in src/kernels/conv.ts; y_pixel, y_first: from one pixel of y to the next, and before its first channel.
struct Params {
  count: u32,
  H: u32,
  W: u32,
  C: u32,
  P: u32,
  Q: u32,
  K: u32,
  R: u32,
  S: u32,
  group_c: u32,
  group_k: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  top: u32,
  left: u32,
  N: u32,
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<{{STORED}}>;
{{EPILOGUE_BINDINGS}}

#include "flat_index"

#include "halves"

fn read_w(i: u32) -> f32 {
  return {{READ}};
}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = flat_index(id, groups);
  if (at >= params.count) {
    return;
  }
  let k = at % params.K;
  let pixel = at / params.K;
  let q = pixel % params.Q;
  let p = (pixel / params.Q) % params.P;
  let n = pixel / (params.Q * params.P);
  let first_channel = (k / params.group_k) * params.group_c;

  var acc = 0.0;
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
      let x_at = ((n * params.H + h) * params.W + v) * params.C + first_channel;
      let w_at = (r * params.S + s) * params.group_c * params.K + k;
      for (var c = 0u; c < params.group_c; c++) {
        acc += x[x_at + c] * read_w(w_at + c * params.K);
      }
    }
  }
  y[pixel * params.y_pixel + params.y_first + k] = epilogue(acc, at, k);
}
