// dx[n,h,v,c] = sum over r,s,k, with p sh + r dh - top = h and q sw + s dw - left = v, of dy[n,p,q,k] * w[r,s,c,k]
// dy: [N,P,Q,K]  w: [R,S,C/groups,K]  ->  dx: [N,H,W,C]; k runs over the filters of c's group.
// The plain form: one invocation an element of dx. Handles everything.

alias T = f32;

#include "conv_params"

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
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
  let channel = at % params.C;
  let pixel = at / params.C;
  let v = pixel % params.W;
  let h = (pixel / params.W) % params.H;
  let n = pixel / (params.W * params.H);
  let group = channel / params.group_c;
  let c = channel % params.group_c;

  var acc = 0.0;
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
      let dy_at = ((n * params.P + p) * params.Q + q) * params.K + group * params.group_k;
      let w_at = ((r * params.S + s) * params.group_c + c) * params.K + group * params.group_k;
      for (var k = 0u; k < params.group_k; k++) {
        acc += dy[dy_at + k] * read_w(w_at + k);
      }
    }
  }
  dx[at] = epilogue(acc, at, channel);
}
