// dw[r,s,c,k] = sum over n,p,q of x[n, p sh + r dh - top, q sw + s dw - left, c] * dy[n,p,q,k]
// x: [N,H,W,C]  dy: [N,P,Q,K]  ->  dw: [R,S,C/groups,K]; c counts within k's group.
// One invocation: one tap, ROWS units of X along C times COLUMNS units of T along K, in registers; each pixel adds the
// outer product of a piece of x and a piece of dy. Grid: x blocks along K, y blocks along C, z taps.
// JOINED: the channels are so few that a row of x counts as one of W C pixels with one channel each, and a row of the
// filter as S C channels of one tap (all sizes are given so).
// TOGETHER: one workgroup takes such a block, its invocations every SHARE-th row of dy, and a tree in workgroup memory
// joins them in a fixed order. For filters so small that one invocation a block leaves the device idle.

alias T = {{TYPE}};
#if VECTOR_INPUT
alias X = vec4f;
const UNIT = 4u;
#else
alias X = f32;
const UNIT = 1u;
#endif

const ROWS = {{ROWS}}u;
const COLUMNS = {{COLUMNS}}u;
const SHARE = {{SHARE}}u;

// Offsets and sizes along C count units of X, along K units of T.
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
  x_pixel: u32,
  group_channels: u32,
  columns: u32,
  group_columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dw: array<T>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> dy: array<T>;

#if TOGETHER
var<workgroup> partial: array<T, SHARE>;

// Sum of what the invocations bring; the first gets it.
fn join(own: T, lane: u32) -> T {
  workgroupBarrier();
  partial[lane] = own;
  for (var half = SHARE / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
  }
  return partial[0];
}
#endif

@compute @workgroup_size({{WORKGROUP_X}}, {{WORKGROUP_Y}})
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
#if TOGETHER
  let block = group.x;
  let first_row = lane;
#else
  let block = id.x;
  let first_row = 0u;
#endif
  let column = block * COLUMNS;
  let channel = id.y * ROWS;
  let r = id.z / params.S;
  let s = id.z % params.S;
  let first_channel = (column / params.group_columns) * params.group_channels;
#for i ROWS
  let channel_{{i}} = min(channel + {{i}}u, params.group_channels - 1u) + first_channel;
#endfor
#for j COLUMNS
  let column_{{j}} = min(column + {{j}}u, params.columns - 1u);
#endfor
#for i ROWS
#for j COLUMNS
#if VECTOR_INPUT
#for e 4
  var acc_{{i}}_{{j}}_{{e}} = T(0.0);
#endfor
#else
  var acc_{{i}}_{{j}}_0 = T(0.0);
#endif
#endfor
#endfor

#if JOINED
  let q_first = 0u;
  let q_end = params.Q;
#else
  // Columns of dy whose tap lies inside x: the first and the one after the last.
  let shift = i32(s * params.dilation_w) - i32(params.left);
  let stride = i32(params.stride_w);
  let q_first = u32(max(0, -shift + stride - 1) / stride);
  let q_end = min(params.Q, u32(max(0, i32(params.W) - shift + stride - 1) / stride));
#endif
  let x_step = params.stride_w * params.x_pixel;

  for (var row = first_row; row < params.N * params.P; row += SHARE) {
    let n = row / params.P;
    // Rows before the first wrap round to large numbers and fail the test too.
    let h = (row % params.P) * params.stride_h + r * params.dilation_h - params.top;
    if (h >= params.H) {
      continue;
    }
    var v = q_first * params.stride_w + s * params.dilation_w - params.left;
    var x_at = ((n * params.H + h) * params.W + v) * params.x_pixel;
    var dy_at = (row * params.Q + q_first) * params.columns;
    for (var q = q_first; q < q_end; q++) {
#for i ROWS
#if JOINED
      let x_{{i}} = select(X(0.0), x[x_at + channel_{{i}}], v + channel_{{i}} < params.W);
#else
      let x_{{i}} = x[x_at + channel_{{i}}];
#endif
#endfor
#for j COLUMNS
      let d_{{j}} = dy[dy_at + column_{{j}}];
#endfor
#for i ROWS
#for j COLUMNS
#if VECTOR_INPUT
#for e 4
      acc_{{i}}_{{j}}_{{e}} += x_{{i}}[{{e}}] * d_{{j}};
#endfor
#else
      acc_{{i}}_{{j}}_0 += x_{{i}} * d_{{j}};
#endif
#endfor
#endfor
      v += params.stride_w;
      x_at += x_step;
      dy_at += params.columns;
    }
  }

#if TOGETHER
#for i ROWS
#for j COLUMNS
#if VECTOR_INPUT
#for e 4
  acc_{{i}}_{{j}}_{{e}} = join(acc_{{i}}_{{j}}_{{e}}, lane);
#endfor
#else
  acc_{{i}}_{{j}}_0 = join(acc_{{i}}_{{j}}_0, lane);
#endif
#endfor
#endfor
  if (lane != 0u) {
    return;
  }
#endif
  let dw_at = (id.z * params.group_channels + channel) * UNIT * params.columns + column;
#for i ROWS
  if (channel + {{i}}u < params.group_channels) {
#for j COLUMNS
    if (column + {{j}}u < params.columns) {
      let at = dw_at + {{i}}u * UNIT * params.columns + {{j}}u;
#if VECTOR_INPUT
#for e 4
      dw[at + {{e}}u * params.columns] = acc_{{i}}_{{j}}_{{e}};
#endfor
#else
      dw[at] = acc_{{i}}_{{j}}_0;
#endif
    }
#endfor
  }
#endfor
}
