// y[n,p,q,k] = sum over r,s,c of x[n, p sh + r dh - top, q sw + s - left, c] * w[r,s,c,k], for few terms, on subgroups of quads.
// x: [N,H,W,C]  w: [R,S,C,K]  ->  y: [N,P,Q,K]; the S C numbers under a row of the filter lie side by side in x and in w.
// A quad computes one row of y for 16 filters, each lane four of them, with all their weights in registers. Per round, each
// lane loads what one pixel needs, and the quad swaps it: lane l computes pixel l ^ d as its d-th, which only the store must
// know. Nothing but q changes from round to round, so a software adapter, which masks all variables of a loop, masks no sums.
// More filters a lane would share those loads among more sums, but leave the instruction cache.

enable subgroups;

alias T = vec4f;

// Offsets and sizes along a row of x count numbers, not pixels. y_pixel, y_first: from one pixel of y to the next, and before its
// first channel.
struct Params {
  rows: u32,
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  columns: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  top: u32,
  left: u32,
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<{{STORED}}>;
#include "held_epilogue"

#include "halves"

fn read_w(i: u32) -> T {
  return {{READ}};
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.x + group.z * groups.x;
  if (row >= params.rows) {
    return;
  }
  let n = row / params.P;
  let p = row % params.P;
  // Filters beyond the last repeat it.
  let own_column = group.y * 4u + lane;
  let column = min(own_column, params.columns - 1u);
  let held = hold(column);
  // Loaded by a loop, not written out: loads are the most of what a software adapter compiles here. They end as registers or on
  // the stack either way.
  var taken: array<T, {{TERMS}}>;
  for (var t = 0u; t < {{TERMS}}u; t++) {
    taken[t] = read_w(column + t * params.columns);
  }
#for t TERMS
  let w_{{t}} = taken[{{t}}];
#endfor
  // Rows and columns before the first wrap round to large numbers and fail the tests too.
#for r ROWS
  let h_{{r}} = p * params.stride_h + {{r}}u * params.dilation_h - params.top;
  let line_{{r}} = (n * params.H + h_{{r}}) * params.W;
  let inside_{{r}} = h_{{r}} < params.H;
#endfor
  for (var q = 0u; q < params.Q; q += 4u) {
    let v = (q + lane) * params.stride_w - params.left;
#for r ROWS
    let at_{{r}} = line_{{r}} + v;
#for s ROW_TERMS
    let own_{{r * ROW_TERMS + s}} = select(0.0, x[at_{{r}} + {{s}}u], inside_{{r}} & (v + {{s}}u < params.W));
#endfor
#endfor
#for t TERMS
    let x_0_{{t}} = own_{{t}};
    let x_1_{{t}} = quadSwapX(own_{{t}});
    let x_2_{{t}} = quadSwapY(own_{{t}});
    let x_3_{{t}} = quadSwapDiagonal(own_{{t}});
#endfor
#for d 4
    {
      var acc = T(0.0);
#for t TERMS
      acc += x_{{d}}_{{t}} * w_{{t}};
#endfor
      let own_q = q + (lane ^ {{d}}u);
      if ((own_q < params.Q) & (own_column < params.columns)) {
        let pixel = row * params.Q + own_q;
        y[pixel * params.y_pixel + params.y_first + column] = epilogue(acc, pixel * params.columns + column, held);
      }
    }
#endfor
  }
}
