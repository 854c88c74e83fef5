// dx[n,h,w,c] = sum of dy[n,p,q,c] over the windows (p,q) whose switch is the tap (r,s) that lies on (h,w):
// h = p*stride_h - pad_top + r*dilation_h, w = q*stride_w - pad_left + s*dilation_w, switches[n,p,q,c] = r*S + s
// or, with AVERAGE, of dy divided by the window's divisor, over all windows that cover (h,w).
// switches, dy: [N,P,Q,C] -> dx: [N,H,W,C]
// One invocation an input pixel and T channels: x along a row, y rows, z pictures. A gather, so the sum has one order.

alias T = {{TYPE}};

#include "pool_params"
@group(0) @binding(1) var<storage, read_write> y: array<T>;
#if AVERAGE
@group(0) @binding(2) var<storage, read> dy: array<T>;
#include "pool_divisor"
#else
@group(0) @binding(2) var<storage, read> switches: array<T>;
@group(0) @binding(3) var<storage, read> dy: array<T>;
#endif
{{EPILOGUE_BINDINGS}}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let w = id.x / params.channels;
  if (w >= params.width) {
    return;
  }
  let c = id.x - w * params.channels;
  let h = id.y;
  let n = id.z;
  var acc = T(0.0);
  for (var r = 0u; r < params.taps_h; r++) {
    // Unsigned: what would be negative becomes large and fails the test on p.
    let h_start = h + params.pad_top - r * params.dilation_h;
    let p = h_start / params.stride_h;
    if (p >= params.pooled_height || p * params.stride_h != h_start) {
      continue;
    }
    let row = (n * params.pooled_height + p) * params.pooled_width;
    for (var s = 0u; s < params.taps_w; s++) {
      let w_start = w + params.pad_left - s * params.dilation_w;
      let q = w_start / params.stride_w;
      if (q >= params.pooled_width || q * params.stride_w != w_start) {
        continue;
      }
      let at = (row + q) * params.channels + c;
#if AVERAGE
      acc += dy[at] / window_divisor(p, q);
#else
      acc += select(T(0.0), dy[at], switches[at] == T(f32(r * params.taps_w + s)));
#endif
    }
  }
  let out = ((n * params.height + h) * params.width + w) * params.channels + c;
  y[out] = epilogue(acc, out, c);
}
