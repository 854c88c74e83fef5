// dx[n,h,v,c] = sum over r,s,k, with p sh + r dh - top = h and q sw + s dw - left = v, of dy[n,p,q,k] * w[r,s,c,k], on subgroups of
// quads.
// dy: [N,P,Q,K]  w: [R,S,C,K]  ->  dx: [N,H,W,C], for K a multiple of 2 and C of 4.
// As conv2d_swap, for one phase (h mod sh, v mod sw) of dx at a time: within one all pixels see the same taps. A quad computes 4
// LANE_ROWS pixels of its phase by 16 channels, each lane all pixels and 4 channels. Each loads two filters of LANE_ROWS of the
// pixels, and the quad swaps them. The sums are an array that the store goes through by a running index, which keeps them on the
// stack, and the filters that lie behind them too.
// Grid: x blocks of pixels, y blocks of channels, z the phase.

enable subgroups;

const ROWS = {{LANE_ROWS}}u;
const NOWHERE = 0xffffffffu;

alias T = vec4f;

// Offsets along K count pairs, columns are vec4s along C. `pixels`, `rows` and `width` are those of the largest phase; of the taps
// that a phase sees, each is `period` after the one before.
struct Params {
  pixels: u32,
  rows: u32,
  width: u32,
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  R: u32,
  S: u32,
  pairs: u32,
  columns: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  period_h: u32,
  period_w: u32,
  top: u32,
  left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<vec2f>;
@group(0) @binding(3) var<storage, read> w: array<{{STORED}}>;
#include "held_epilogue"

#include "halves"

fn read_w(i: u32) -> vec2f {
  return {{READ}};
}

/** The first tap that a phase sees, or the number of taps. */
fn first_tap(phase: u32, stride: u32, dilation: u32, taps: u32) -> u32 {
  var tap = 0u;
  for (; tap < taps; tap++) {
    if ((i32(phase) - i32(tap * dilation)) % i32(stride) == 0) {
      break;
    }
  }
  return tap;
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Pixels and channels beyond the end repeat the last.
  let row = block.x * (4u * ROWS) + lane * ROWS;
  let own_column = block.y * 4u + lane;
  let column = min(own_column, params.columns - 1u);
  let phase_h = block.z / params.stride_w;
  let phase_w = block.z % params.stride_w;
  // Of each pixel that this lane loads: where it is in its phase. Of each that it computes: where it goes, in the order of the sums.
  var i: array<u32, ROWS>;
  var j: array<u32, ROWS>;
  var first: array<u32, ROWS>;
  var to: array<u32, 4 * ROWS>;
  for (var m = 0u; m < ROWS; m++) {
    let pixel = min(row + m, params.pixels - 1u);
    let line = pixel / params.width;
    let n = line / params.rows;
    i[m] = line % params.rows;
    j[m] = pixel % params.width;
    first[m] = ((n * params.P + i[m]) * params.Q + j[m]) * params.pairs;
    let h = i[m] * params.stride_h + phase_h;
    let v = j[m] * params.stride_w + phase_w;
    let own = select(NOWHERE, (n * params.H + h) * params.W + v, (row + m < params.pixels) & (h < params.H) & (v < params.W));
    to[m] = own;
    to[ROWS + m] = quadSwapX(own);
    to[2u * ROWS + m] = quadSwapY(own);
    to[3u * ROWS + m] = quadSwapDiagonal(own);
  }
  let r_first = first_tap(phase_h + params.top, params.stride_h, params.dilation_h, params.R);
  let s_first = first_tap(phase_w + params.left, params.stride_w, params.dilation_w, params.S);
  let taps_h = (params.R - r_first + params.period_h - 1u) / params.period_h;
  let taps_w = (params.S - s_first + params.period_w - 1u) / params.period_w;
  let taps = taps_h * taps_w;
  var acc: array<T, 4 * ROWS + 2>;

  for (var tap = 0u; tap < taps; tap++) {
    let r = r_first + tap / taps_w * params.period_h;
    let s = s_first + tap % taps_w * params.period_w;
    // Before the first row or column these wrap round to large numbers, and so does what is added to them, unless it lies inside.
    let down = u32((i32(phase_h + params.top) - i32(r * params.dilation_h)) / i32(params.stride_h));
    let across = u32((i32(phase_w + params.left) - i32(s * params.dilation_w)) / i32(params.stride_w));
    let ahead = (down * params.Q + across) * params.pairs;
    let w_at = ((r * params.S + s) * params.columns + column) * 4u * params.pairs;
    // As in conv2d_swap: a mask of the bits, not `select`; not `for`; w after dy.
#for m LANE_ROWS
    let at_{{m}} = first[{{m}}] + ahead;
    let inside_{{m}} = vec2u(select(0u, 0xffffffffu, (i[{{m}}] + down < params.P) & (j[{{m}}] + across < params.Q)));
#endfor
    var k = 0u;
    loop {
#for m LANE_ROWS
      let d_0_{{m}} = bitcast<vec2f>(bitcast<vec2u>(dy[at_{{m}} + k]) & inside_{{m}});
      let d_1_{{m}} = quadSwapX(d_0_{{m}});
      let d_2_{{m}} = quadSwapY(d_0_{{m}});
      let d_3_{{m}} = quadSwapDiagonal(d_0_{{m}});
#endfor
#for e 4
      let line_{{e}} = read_w(w_at + {{e}}u * params.pairs + k);
#endfor
#for u 2
      acc[{{4 * LANE_ROWS + u}}] = vec4f(line_0[{{u}}], line_1[{{u}}], line_2[{{u}}], line_3[{{u}}]);
#endfor
#for q 4
#for m LANE_ROWS
      acc[{{q * LANE_ROWS + m}}] = (acc[{{q * LANE_ROWS + m}}] + d_{{q}}_{{m}}.x * acc[{{4 * LANE_ROWS}}]) + d_{{q}}_{{m}}.y * acc[{{4 * LANE_ROWS + 1}}];
#endfor
#endfor
      k++;
      if (k == params.pairs) {
        break;
      }
    }
  }

  if (own_column >= params.columns) {
    return;
  }
  let held = hold(column);
  for (var m = 0u; m < 4u * ROWS; m++) {
    if (to[m] != NOWHERE) {
      let at = to[m] * params.columns + column;
      dx[at] = epilogue(acc[m], at, held);
    }
  }
}
