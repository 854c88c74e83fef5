// y[n,p,q,c] = max over taps (r,s) of x[n, p*stride_h - pad_top + r*dilation_h, q*stride_w - pad_left + s*dilation_w, c]
// or, with AVERAGE, their mean; or, with SWITCHES, the tap r*S + s of the first maximum in row-major order.
// x: [N,H,W,C] -> y: [N,P,Q,C]
// One invocation an output pixel and T channels: x along a row of the output, y its rows, z pictures.

alias T = {{TYPE}};

#include "pool_params"
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;

#if AVERAGE
#include "pool_divisor"
#endif

/** The finite number below which no input lies; WGSL has no literal for infinity. */
const LOWEST = -3.4028234e38;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x / params.channels;
  if (q >= params.pooled_width) {
    return;
  }
  let c = id.x - q * params.channels;
  let p = id.y;
  let n = id.z;
  let h0 = i32(p * params.stride_h) - i32(params.pad_top);
  let w0 = i32(q * params.stride_w) - i32(params.pad_left);
  let row_size = params.width * params.channels;
#if AVERAGE
  var acc = T(0.0);
#else
  var acc = T(LOWEST);
#endif
#if SWITCHES
  var tap = T(0.0);
#endif
  for (var r = 0u; r < params.taps_h; r++) {
    let h = h0 + i32(r * params.dilation_h);
    if (h < 0 || h >= i32(params.height)) {
      continue;
    }
    let row = (n * params.height + u32(h)) * row_size + c;
    for (var s = 0u; s < params.taps_w; s++) {
      let w = w0 + i32(s * params.dilation_w);
      if (w < 0 || w >= i32(params.width)) {
        continue;
      }
      let value = x[row + u32(w) * params.channels];
#if AVERAGE
      acc += value;
#else
#if SWITCHES
      tap = select(tap, T(f32(r * params.taps_w + s)), value > acc);
#endif
      acc = max(acc, value);
#endif
    }
  }
  let at = ((n * params.pooled_height + p) * params.pooled_width + q) * params.y_pixel + params.y_first + c;
#if AVERAGE
  y[at] = acc / window_divisor(p, q);
#elif SWITCHES
  y[at] = tap;
#else
  y[at] = acc;
#endif
}
