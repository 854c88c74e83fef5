// y[n,p,q,k] = sum over r,s,c of x[n, p sh + r dh - top, q sw + s dw - left, c] * w[r,s,c,k]
// x: [N,H,W,C]  w: [R,S,C/groups,K]  ->  y: [N,P,Q,K]
// One invocation: PIXELS neighbours of one row of y times COLUMNS units of T along K, in registers, no workgroup memory.
// Channels are read four at a time where C allows. x of the grid (and z, where x is too short) counts tiles of pixels,
// y blocks of columns.
// JOINED_QUAD: the channels are so few that a row of x counts as one of W C pixels with one channel each (all sizes are
// given so); a quad shares the rows of w of four taps.
// QUAD: four neighbouring invocations need the same part of w, so each loads a quarter, and the quad swaps them: lane l has
// the quarter of lane l ^ d as its d-th. Added as two pairs, the four terms give the same sum in every lane, so a picture gives
// the same numbers at any place of a batch. On a software adapter a swap is one instruction, a broadcast fifteen.

#if QUAD
enable subgroups;
#endif

alias T = {{TYPE}};
#if VECTOR_INPUT
alias X = vec4f;
#else
alias X = f32;
#endif

const PIXELS = {{PIXELS}}u;
const COLUMNS = {{COLUMNS}}u;
const TILES_PER_WORKGROUP = {{TILES_PER_WORKGROUP}}u;
const BLOCKS_PER_WORKGROUP = {{BLOCKS_PER_WORKGROUP}}u;

// Offsets and sizes along C count units of X, along K units of T. y_pixel, y_first: from one pixel of y to the next, and before
// its first channel.
struct Params {
  tiles: u32,
  tiles_per_row: u32,
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  R: u32,
  S: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  top: u32,
  left: u32,
  x_pixel: u32,
  group_channels: u32,
  columns: u32,
  group_columns: u32,
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> w: array<{{STORED}}>;
#include "held_epilogue"

#include "halves"

fn read_w(i: u32) -> T {
  return {{READ}};
}

#if QUAD
#if VECTOR_INPUT
#include "quad_order"
#endif
#endif

@compute @workgroup_size(TILES_PER_WORKGROUP, BLOCKS_PER_WORKGROUP)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
#if QUAD
  @builtin(subgroup_invocation_id) lane: u32,
#endif
) {
  let index = id.x + id.z * groups.x * TILES_PER_WORKGROUP;
  let column = id.y * COLUMNS;
#if QUAD
  let quad_lane = lane & 3u;
#endif
  // Invocations beyond the end repeat the last tile, so that quads stay whole.
  let tile = min(index, params.tiles - 1u);
  let row = tile / params.tiles_per_row;
  let q0 = (tile % params.tiles_per_row) * PIXELS;
  let n = row / params.P;
  let p = row % params.P;
  let first_channel = (column / params.group_columns) * params.group_channels;
  let pixel_step = params.stride_w * params.x_pixel;
#for j COLUMNS
  let column_{{j}} = min(column + {{j}}u, params.columns - 1u);
#endfor
#for i PIXELS
#for j COLUMNS
  var acc_{{i}}_{{j}} = T(0.0);
#endfor
#endfor

  var w_row = 0u;
#if JOINED_QUAD
  for (var r = 0u; r < params.R; r++) {
#else
  // One loop over the taps, not two: measured a quarter faster on a software adapter where channels are few.
  for (var tap = 0u; tap < params.R * params.S; tap++) {
    let r = tap / params.S;
    let s = tap % params.S;
#endif
    // Rows and columns before the first wrap round to large numbers and fail the test too; what is loaded for them is
    // some element of x (the language keeps every access inside its array) and is replaced by 0. The tests are joined by
    // `&`: `&&` is a branch for each pixel, and with the four taps below it took a software adapter minutes to compile.
    let h = p * params.stride_h + r * params.dilation_h - params.top;
    let row_inside = h < params.H;
#if JOINED_QUAD
    // Four taps at once; w is 0 beyond the last.
    var v = q0 * params.stride_w - params.left;
    var x_at = (n * params.H + h) * params.W + v;
    for (var s = 0u; s < params.S; s += 4u) {
#for j COLUMNS
      let own_{{j}} = read_w(w_row + quad_lane * params.columns + column_{{j}}) * f32(s + quad_lane < params.S);
#endfor
      w_row += min(4u, params.S - s) * params.columns;
#for j COLUMNS
      let w_0_{{j}} = own_{{j}};
      let w_1_{{j}} = quadSwapX(own_{{j}});
      let w_2_{{j}} = quadSwapY(own_{{j}});
      let w_3_{{j}} = quadSwapDiagonal(own_{{j}});
#endfor
#for d 4
      let ahead_{{d}} = quad_lane ^ {{d}}u;
#for i PIXELS
      let x_{{d}}_{{i}} = select(0.0, x[x_at + ahead_{{d}} + {{i}}u * params.stride_w], row_inside & (v + ahead_{{d}} + {{i}}u * params.stride_w < params.W));
#endfor
#endfor
#for j COLUMNS
#for i PIXELS
      acc_{{i}}_{{j}} += (x_0_{{i}} * w_0_{{j}} + x_1_{{i}} * w_1_{{j}}) + (x_2_{{i}} * w_2_{{j}} + x_3_{{i}} * w_3_{{j}});
#endfor
#endfor
      x_at += 4u;
      v += 4u;
    }
#else
    let v = q0 * params.stride_w + s * params.dilation_w - params.left;
    var x_at = ((n * params.H + h) * params.W + v) * params.x_pixel + first_channel;
#for i PIXELS
    let inside_{{i}} = row_inside & (v + {{i}}u * params.stride_w < params.W);
#endfor
    for (var c = 0u; c < params.group_channels; c++) {
#for i PIXELS
      let x_{{i}} = select(X(0.0), x[x_at + {{i}}u * pixel_step], inside_{{i}});
#endfor
      x_at++;
#if QUAD
#for j COLUMNS
      let w_0_{{j}} = read_w(w_row + quad_lane * params.columns + column_{{j}});
      let w_1_{{j}} = quadSwapX(w_0_{{j}});
      let w_2_{{j}} = quadSwapY(w_0_{{j}});
      let w_3_{{j}} = quadSwapDiagonal(w_0_{{j}});
#endfor
      w_row += 4u * params.columns;
#for i PIXELS
      let own_{{i}} = in_quad_order(x_{{i}}, quad_lane);
#endfor
#for i PIXELS
#for j COLUMNS
      acc_{{i}}_{{j}} += (own_{{i}}[0] * w_0_{{j}} + own_{{i}}[1] * w_1_{{j}}) + (own_{{i}}[2] * w_2_{{j}} + own_{{i}}[3] * w_3_{{j}});
#endfor
#endfor
#elif VECTOR_INPUT
#for d 4
      {
#for j COLUMNS
        let w_{{j}} = read_w(w_row + column_{{j}});
#endfor
        w_row += params.columns;
#for i PIXELS
#for j COLUMNS
        acc_{{i}}_{{j}} += x_{{i}}[{{d}}] * w_{{j}};
#endfor
#endfor
      }
#endfor
#else
#for j COLUMNS
      let w_{{j}} = read_w(w_row + column_{{j}});
#endfor
      w_row += params.columns;
#for i PIXELS
#for j COLUMNS
      acc_{{i}}_{{j}} += x_{{i}} * w_{{j}};
#endfor
#endfor
#endif
    }
#endif
  }

  if (index >= params.tiles) {
    return;
  }
  let pixel = row * params.Q + q0;
  let first = pixel * params.columns + column;
  let y_at = pixel * params.y_pixel + params.y_first + column;
  // Loops, not written out: of all that a software adapter compiles, stores take the longest.
  for (var k = 0u; k < COLUMNS; k++) {
    if (column + k >= params.columns) {
      return;
    }
    let held = hold(column + k);
#for i PIXELS
    var own_{{i}} = acc_{{i}}_0;
#for j COLUMNS
    own_{{i}} = select(own_{{i}}, acc_{{i}}_{{j}}, k == {{j}}u);
#endfor
#endfor
    for (var i = 0u; i < min(PIXELS, params.Q - q0); i++) {
      var acc = own_0;
#for i PIXELS
      acc = select(acc, own_{{i}}, i == {{i}}u);
#endfor
      y[y_at + i * params.y_pixel + k] = epilogue(acc, first + i * params.columns + k, held);
    }
  }
}
