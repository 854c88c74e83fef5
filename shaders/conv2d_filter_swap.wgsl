// dw[r,s,c,k] = sum over n,p,q of x[n, p sh + r dh - top, q sw + s dw - left, c] * dy[n,p,q,k], for K a multiple of 4, on subgroups
// of quads.
// x: [N,H,W,C]  dy: [N,P,Q,K]  ->  dw: [R,S,C,K], a matrix of R S C rows by K columns
// As in matmul_swap.wgsl, four neighbouring invocations compute a block of 4 LANE_ROWS rows by 16 columns, each all rows and 4
// columns. Each loads two pixels of LANE_ROWS of the rows, UNIT at a time, and the quad swaps them: lane l then has the rows of
// lane l ^ d as its d-th part. The sums are an array that the store goes through by a running index, which keeps them on the stack.
// The rows of a lane may belong to several taps, so each load has its own place beside the pixel, and its own test.
// Grid: x blocks of rows, y blocks of columns.

enable subgroups;

const ROWS = {{LANE_ROWS}}u;
const UNIT = {{UNIT}}u;

alias T = vec4f;
#if VECTOR_INPUT
alias X = vec4f;
alias Bits = vec4u;
#else
alias X = f32;
alias Bits = u32;
#endif

// Rows and channels count units of X, columns of T.
struct Params {
  N: u32,
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  S: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  top: u32,
  left: u32,
  rows: u32,
  channels: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dw: array<T>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> dy: array<T>;

/** v, or zero where it does not count. To a software adapter `select` is three instructions a number and this is one. */
fn counted(v: X, does: bool) -> X {
  return bitcast<X>(bitcast<Bits>(v) & Bits(select(0u, ~0u, does)));
}

// A column beyond every picture.
const NOWHERE = 1u << 31u;

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Rows and columns beyond the end repeat the last.
  let row = block.x * 4u * (ROWS / UNIT);
  let own_column = block.y * 4u + lane;
  let column = min(own_column, params.columns - 1u);
  // What comes before the first row or column of x wraps round to large numbers, which fail the tests too.
#for i LANE_LOADS
  let row_{{i}} = min(row + lane * (ROWS / UNIT) + {{i}}u, params.rows - 1u);
  let tap_{{i}} = row_{{i}} / params.channels;
  let shift_h_{{i}} = (tap_{{i}} / params.S) * params.dilation_h - params.top;
  let shift_w_{{i}} = (tap_{{i}} % params.S) * params.dilation_w - params.left;
  let place_{{i}} = (shift_h_{{i}} * params.W + shift_w_{{i}}) * params.channels + row_{{i}} % params.channels;
#endfor
  let x_step = params.stride_w * params.channels;
  var acc: array<T, 4 * ROWS>;

  for (var n = 0u; n < params.N; n++) {
    for (var p = 0u; p < params.P; p++) {
      let h = p * params.stride_h;
      let x_row = (n * params.H + h) * params.W * params.channels;
      let dy_row = (n * params.P + p) * params.Q;
#for i LANE_LOADS
      let width_{{i}} = select(0u, params.W, h + shift_h_{{i}} < params.H);
#endfor
      for (var q = 0u; q < params.Q; q += 2u) {
        // The last pixel may have none beside it.
        let has_next = q + 1u < params.Q;
        let v_0 = q * params.stride_w;
        let v_1 = select(NOWHERE, v_0 + params.stride_w, has_next);
        let x_0 = x_row + q * x_step;
        let x_1 = x_0 + x_step;
        let dy_at = (dy_row + q) * params.columns + column;
        let d_0 = dy[dy_at];
        let d_1 = select(T(0.0), dy[dy_at + params.columns], has_next);
        // All swaps before the first sum: see matmul_swap.wgsl.
#for u 2
#for i LANE_LOADS
        let a_0_{{u}}_{{i}} = counted(x[x_{{u}} + place_{{i}}], v_{{u}} + shift_w_{{i}} < width_{{i}});
#endfor
#endfor
#for u 2
#for i LANE_LOADS
        let a_1_{{u}}_{{i}} = quadSwapX(a_0_{{u}}_{{i}});
        let a_2_{{u}}_{{i}} = quadSwapY(a_0_{{u}}_{{i}});
        let a_3_{{u}}_{{i}} = quadSwapDiagonal(a_0_{{u}}_{{i}});
#endfor
#endfor
#for d 4
#for i LANE_LOADS
#if VECTOR_INPUT
#for e 4
        acc[{{d * LANE_ROWS + i * 4 + e}}] = (acc[{{d * LANE_ROWS + i * 4 + e}}] + a_{{d}}_0_{{i}}[{{e}}] * d_0) + a_{{d}}_1_{{i}}[{{e}}] * d_1;
#endfor
#else
        acc[{{d * LANE_ROWS + i}}] = (acc[{{d * LANE_ROWS + i}}] + a_{{d}}_0_{{i}} * d_0) + a_{{d}}_1_{{i}} * d_1;
#endif
#endfor
#endfor
      }
    }
  }

  if (own_column >= params.columns) {
    return;
  }
  for (var i = 0u; i < 4u * ROWS; i++) {
    let m = row * UNIT + (lane ^ (i / ROWS)) * ROWS + i % ROWS;
    if (m < params.rows * UNIT) {
      dw[m * params.columns + column] = acc[i];
    }
  }
}
