// dx[n,h,v,c] = sum over r,s,k, with p sh + r dh - top = h and q sw + s dw - left = v, of dy[n,p,q,k] * w[r,s,c,k]
// dy: [N,P,Q,K]  w: [R,S,C/groups,K]  ->  dx: [N,H,W,C]; k runs over the filters of c's group.
// The pixels of dx fall into sh sw phases (h mod sh, v mod sw). Within one, every pixel sees the same taps, and dx is a
// convolution of stride 1 over dy. One invocation: PIXELS neighbours of one row of one phase times COLUMNS units of T
// along C, in registers; w keeps its layout and is read along K, so each term is a dot product.
// Grid: x (and z beyond the phases) counts tiles of pixels, y blocks of columns, z mod (sh sw) is the phase.
// QUAD: four neighbouring invocations need the same part of w, so each loads the vector of one channel, and the quad swaps them:
// lane l has the channel of lane l ^ d as its d-th, and dx lies in that order until it is stored.

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

// Offsets and sizes along K count units of X, along C units of T. `tiles` and `rows` are those of the largest phase.
struct Params {
  tiles: u32,
  tiles_per_row: u32,
  rows: u32,
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
  dy_pixel: u32,
  group_filters: u32,
  columns: u32,
  group_columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<X>;
@group(0) @binding(3) var<storage, read> w: array<{{STORED}}>;
{{EPILOGUE_BINDINGS}}

#include "halves"

fn read_w(i: u32) -> X {
  return {{READ}};
}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

fn product(a: X, b: X) -> f32 {
#if VECTOR_INPUT
  return dot(a, b);
#else
  return a * b;
#endif
}

#if QUAD
#include "quad_order"
#endif

@compute @workgroup_size(TILES_PER_WORKGROUP, BLOCKS_PER_WORKGROUP)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
#if QUAD
  @builtin(subgroup_invocation_id) lane: u32,
#endif
) {
  let phases = params.stride_h * params.stride_w;
  let phase_h = (group.z % phases) / params.stride_w;
  let phase_w = group.z % params.stride_w;
  let index = id.x + (group.z / phases) * groups.x * TILES_PER_WORKGROUP;
  let column = id.y * COLUMNS;
  // Invocations beyond the end repeat the last tile, so that quads stay whole.
  let tile = min(index, params.tiles - 1u);
  let row = tile / params.tiles_per_row;
  let j0 = (tile % params.tiles_per_row) * PIXELS;
  let n = row / params.rows;
  let i0 = row % params.rows;
  let first_filter = (column / params.group_columns) * params.group_filters;
#for j COLUMNS
  let column_{{j}} = min(column + {{j}}u, params.columns - 1u) % params.group_columns;
#if VECTOR_OUTPUT
#if QUAD
  let w_column_{{j}} = (4u * column_{{j}} + (lane & 3u)) * params.dy_pixel + first_filter;
#else
#for e 4
  let w_column_{{j}}_{{e}} = (4u * column_{{j}} + {{e}}u) * params.dy_pixel + first_filter;
#endfor
#endif
#else
  let w_column_{{j}} = column_{{j}} * params.dy_pixel + first_filter;
#endif
#endfor
#for i PIXELS
#for j COLUMNS
  var acc_{{i}}_{{j}} = T(0.0);
#endfor
#endfor

  for (var r = 0u; r < params.R; r++) {
    let down = i32(phase_h + params.top) - i32(r * params.dilation_h);
    if (down % i32(params.stride_h) != 0) {
      continue;
    }
    // What lies before the first row or column wraps round to large numbers and fails the test too; what is loaded for it
    // is some element of dy (the language keeps every access inside its array) and is replaced by 0.
    let p = i0 + u32(down / i32(params.stride_h));
    let row_inside = p < params.P;
    for (var s = 0u; s < params.S; s++) {
      let across = i32(phase_w + params.left) - i32(s * params.dilation_w);
      if (across % i32(params.stride_w) != 0) {
        continue;
      }
      let q = j0 + u32(across / i32(params.stride_w));
      var dy_at = ((n * params.P + p) * params.Q + q) * params.dy_pixel + first_filter;
#if VECTOR_OUTPUT
      var w_at = (r * params.S + s) * 4u * params.group_columns * params.dy_pixel;
#else
      var w_at = (r * params.S + s) * params.group_columns * params.dy_pixel;
#endif
#for i PIXELS
      let inside_{{i}} = row_inside & (q + {{i}}u < params.Q);
#endfor
      for (var k = 0u; k < params.group_filters; k++) {
#for i PIXELS
        let d_{{i}} = select(X(0.0), dy[dy_at + {{i}}u * params.dy_pixel], inside_{{i}});
#endfor
        dy_at++;
#for j COLUMNS
        {
#if QUAD
          let w_0 = read_w(w_at + w_column_{{j}});
          let w_1 = quadSwapX(w_0);
          let w_2 = quadSwapY(w_0);
          let w_3 = quadSwapDiagonal(w_0);
#elif VECTOR_OUTPUT
#for e 4
          let w_{{e}} = read_w(w_at + w_column_{{j}}_{{e}});
#endfor
#else
          let w_0 = read_w(w_at + w_column_{{j}});
#endif
#for i PIXELS
#if VECTOR_OUTPUT
          acc_{{i}}_{{j}} += vec4f(product(d_{{i}}, w_0), product(d_{{i}}, w_1), product(d_{{i}}, w_2), product(d_{{i}}, w_3));
#else
          acc_{{i}}_{{j}} += product(d_{{i}}, w_0);
#endif
#endfor
        }
#endfor
        w_at++;
      }
    }
  }

  let h = i0 * params.stride_h + phase_h;
  if (index >= params.tiles || h >= params.H) {
    return;
  }
  let v0 = j0 * params.stride_w + phase_w;
  let dx_at = ((n * params.H + h) * params.W + v0) * params.columns + column;
#for j COLUMNS
  if (column + {{j}}u < params.columns) {
#for i PIXELS
    if (v0 + {{i}}u * params.stride_w < params.W) {
      let at = dx_at + {{i}}u * params.stride_w * params.columns + {{j}}u;
#if QUAD
      dx[at] = epilogue(in_quad_order(acc_{{i}}_{{j}}, lane & 3u), at, column + {{j}}u);
#else
      dx[at] = epilogue(acc_{{i}}_{{j}}, at, column + {{j}}u);
#endif
    }
#endfor
  }
#endfor
}
