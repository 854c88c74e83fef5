// Maximum, mean or switches of sliding windows as in pool.wgsl, without dilation.
// One invocation TILE neighbouring outputs of a row and T channels, so that a pixel is loaded once for all windows of
// the tile that hold it. Taps R x S and the stride SW of a row are written in: the loops over columns are unrolled, and
// which column belongs to which window is known to the compiler.

alias T = {{TYPE}};

#include "pool_params"
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;

#if AVERAGE
#include "pool_divisor"
#endif

const S = {{S}};
const SW = {{SW}};
const TILE = {{TILE}}u;
const LOWEST = -3.4028234e38;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let tile = id.x / params.channels;
  let q0 = tile * TILE;
  if (q0 >= params.pooled_width) {
    return;
  }
  let c = id.x - tile * params.channels;
  let p = id.y;
  let n = id.z;
  let h0 = i32(p * params.stride_h) - i32(params.pad_top);
  let w0 = i32(q0) * SW - i32(params.pad_left);
  let last_column = i32(params.width) - 1;
  // Offsets of the columns within a row, those outside moved onto the edge.
#for j COLUMNS
  let column_{{j}} = u32(clamp(w0 + {{j}}, 0, last_column)) * params.channels + c;
#if !MAX
  let inside_{{j}} = w0 + {{j}} >= 0 && w0 + {{j}} <= last_column;
#endif
#endfor
#for t TILE
#if AVERAGE
  var acc_{{t}} = T(0.0);
#else
  var acc_{{t}} = T(LOWEST);
#endif
#if SWITCHES
  var tap_{{t}} = T(0.0);
#endif
#endfor
  let first = max(0, -h0);
  let end = min(i32(params.taps_h), i32(params.height) - h0);
  for (var r = first; r < end; r++) {
    let row = (n * params.height + u32(h0 + r)) * params.width * params.channels;
#if SWITCHES
    let row_tap = r * S;
#endif
#for j COLUMNS
#if MAX
    // A pixel moved onto the edge is in the window anyway: seeing it twice changes no maximum.
    let value_{{j}} = x[row + column_{{j}}];
#elif AVERAGE
    let value_{{j}} = select(T(0.0), x[row + column_{{j}}], inside_{{j}});
#else
    let value_{{j}} = select(T(LOWEST), x[row + column_{{j}}], inside_{{j}});
#endif
#for t TILE
    if ({{j}} >= {{t}} * SW && {{j}} < {{t}} * SW + S) {
#if AVERAGE
      acc_{{t}} += value_{{j}};
#else
#if SWITCHES
      tap_{{t}} = select(tap_{{t}}, T(f32(row_tap + ({{j}} - {{t}} * SW))), value_{{j}} > acc_{{t}});
#endif
      acc_{{t}} = max(acc_{{t}}, value_{{j}});
#endif
    }
#endfor
#endfor
  }
  let at = ((n * params.pooled_height + p) * params.pooled_width + q0) * params.y_pixel + params.y_first + c;
#for t TILE
  if (q0 + {{t}}u < params.pooled_width) {
#if AVERAGE
    y[at + {{t}}u * params.y_pixel] = acc_{{t}} / window_divisor(p, q0 + {{t}}u);
#elif SWITCHES
    y[at + {{t}}u * params.y_pixel] = tap_{{t}};
#else
    y[at + {{t}}u * params.y_pixel] = acc_{{t}};
#endif
  }
#endfor
}
