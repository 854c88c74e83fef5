// y[n,p,q,c] = x[n, p*stride_h - pad_top + r*dilation_h, q*stride_w - pad_left + s*dilation_w, c]
// with r*S + s = switches[n,p,q,c].      switches: [N,P,Q,C], x: [N,H,W,C] -> y: [N,P,Q,C]
// One invocation an output: x along a row of the output (pixels and channels), y its rows, z pictures.

#include "pool_params"
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> switches: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x / params.channels;
  if (q >= params.pooled_width) {
    return;
  }
  let c = id.x - q * params.channels;
  let at = (id.z * params.pooled_height + id.y) * params.pooled_width * params.channels + id.x;
  let tap = u32(switches[at]);
  let r = tap / params.taps_w;
  let s = tap - r * params.taps_w;
  let h = id.y * params.stride_h + r * params.dilation_h - params.pad_top;
  let w = q * params.stride_w + s * params.dilation_w - params.pad_left;
  y[at] = x[((id.z * params.height + h) * params.width + w) * params.channels + c];
}
