// y[n,p,q,k] = sum over r,s,c of x[n, p sh + r dh - top, q sw + s dw - left, c] * w[r,s,c,k], on subgroups of quads.
// x: [N,H,W,C]  w: [R,S,C,K]  ->  y: [N,P,Q,K], for C a multiple of 2 and K of 4.
// matmul_swap with rows that are gathered: all pixels of y are the rows of one product, wherever a picture or a line ends. A quad
// computes 4 LANE_ROWS of them for 16 filters, each lane all pixels and 4 filters. Each loads two channels of LANE_ROWS of the
// pixels, and the quad swaps them: lane l then has the pixels of lane l ^ s as its s-th part. The sums are an array that the
// store goes through by a running index, which keeps them on the stack.
// Grid: x blocks of pixels, y blocks of filters.

enable subgroups;

const ROWS = {{LANE_ROWS}}u;

alias T = vec4f;

// Offsets and sizes along C count pairs, along K vec4s. y_pixel, y_first: from one pixel of y to the next, and before its first
// channel.
struct Params {
  pixels: u32,
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  S: u32,
  taps: u32,
  pairs: u32,
  columns: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  top: u32,
  left: u32,
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<vec2f>;
@group(0) @binding(3) var<storage, read> w: array<{{STORED}}>;
#include "held_epilogue"

#include "halves"

fn read_w(i: u32) -> T {
  return {{READ}};
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Pixels and filters beyond the end repeat the last.
  let row = block.x * (4u * ROWS);
  let own_column = block.y * 4u + lane;
  let column = min(own_column, params.columns - 1u);
  // Of each pixel that this lane loads: where its first tap is. Before the first row or column that wraps round to large
  // numbers, and comes back with the tap that lies inside.
  var h: array<u32, ROWS>;
  var v: array<u32, ROWS>;
  var first: array<u32, ROWS>;
  for (var i = 0u; i < ROWS; i++) {
    let pixel = min(row + lane * ROWS + i, params.pixels - 1u);
    let line = pixel / params.Q;
    h[i] = (line % params.P) * params.stride_h - params.top;
    v[i] = (pixel % params.Q) * params.stride_w - params.left;
    first[i] = ((line / params.P * params.H + h[i]) * params.W + v[i]) * params.pairs;
  }
  var w_at = column;
  var acc: array<T, 4 * ROWS>;

  for (var tap = 0u; tap < params.taps; tap++) {
    let down = tap / params.S * params.dilation_h;
    let across = tap % params.S * params.dilation_w;
    let ahead = (down * params.W + across) * params.pairs;
    // What is loaded outside the picture is some number of x (the language keeps every access inside its array), and becomes 0
    // by a mask of its bits. A `select` does the same, and has a software adapter spill the mask of its lanes.
#for i LANE_ROWS
    let at_{{i}} = first[{{i}}] + ahead;
    let inside_{{i}} = vec2u(select(0u, 0xffffffffu, (h[{{i}}] + down < params.H) & (v[{{i}}] + across < params.W)));
#endfor
    // Not `for`, and w after x: with either the other way round a software adapter spills the mask of its lanes too, and takes a
    // fifth more time. All swaps before the first sum for the same reason.
    var c = 0u;
    loop {
#for i LANE_ROWS
      let x_0_{{i}} = bitcast<vec2f>(bitcast<vec2u>(x[at_{{i}} + c]) & inside_{{i}});
      let x_1_{{i}} = quadSwapX(x_0_{{i}});
      let x_2_{{i}} = quadSwapY(x_0_{{i}});
      let x_3_{{i}} = quadSwapDiagonal(x_0_{{i}});
#endfor
      let w_0 = read_w(w_at);
      let w_1 = read_w(w_at + params.columns);
      w_at += 2u * params.columns;
#for s 4
#for i LANE_ROWS
      acc[{{s * LANE_ROWS + i}}] = (acc[{{s * LANE_ROWS + i}}] + x_{{s}}_{{i}}.x * w_0) + x_{{s}}_{{i}}.y * w_1;
#endfor
#endfor
      c++;
      if (c == params.pairs) {
        break;
      }
    }
  }

  if (own_column >= params.columns) {
    return;
  }
  let held = hold(column);
  for (var i = 0u; i < 4u * ROWS; i++) {
    let pixel = row + (lane ^ (i / ROWS)) * ROWS + i % ROWS;
    if (pixel < params.pixels) {
      y[pixel * params.y_pixel + params.y_first + column] = epilogue(acc[i], pixel * params.columns + column, held);
    }
  }
}
