// y[i,m,n] = sum over k of a[i,k,m] * b[i,k,n], for M and N multiples of 4, on subgroups of quads.
// As in matmul_swap.wgsl, four neighbouring invocations compute a block of 4 LANE_ROWS rows by 16 columns, each all rows and 4
// columns. Here it is the rows of a term that lie side by side in a: each lane loads LANE_ROWS of the rows, four at a time, for each of
// two terms, and the quad swaps them: lane l then has the rows of lane l ^ s as its s-th part.
// The sums are an array that the store goes through by a running index, which keeps them on the stack.
// Grid: x blocks of rows, y blocks of columns, z the batch.

enable subgroups;

const ROWS = {{LANE_ROWS}}u;

alias T = vec4f;

// Offsets of a, and those of b and columns, count vec4s. y_pixel, y_first: from one row of y to the next, and before its first
// column.
struct Params {
  M: u32,
  columns: u32,
  terms: u32,
  a_batch: u32,
  a_line: u32,
  b_batch: u32,
  b_line: u32,
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<{{STORED}}>;
#include "held_epilogue"

#include "halves"

fn read_b(i: u32) -> vec4f {
  return {{READ}};
}

/** v, or zero where it does not count. `select`, three instructions a number where this is one, takes a quarter longer in all. */
fn counted(v: vec4f, does: bool) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(v) & vec4u(select(0u, ~0u, does)));
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Rows and columns beyond the end repeat the last.
  let row = block.x * (4u * ROWS);
  let own_column = block.y * 4u + lane;
  let column = min(own_column, params.columns - 1u);
  let a_first = block.z * params.a_batch;
#for i LANE_LOADS
  let a_at_{{i}} = a_first + min((row + lane * ROWS) / 4u + {{i}}u, params.M / 4u - 1u);
#endfor
  let b_first = block.z * params.b_batch + column;
  var acc: array<T, 4 * ROWS>;

  for (var k = 0u; k < params.terms; k += 2u) {
    // The last term may have none beside it.
    let has_next = k + 1u < params.terms;
    let b_0 = read_b(b_first + k * params.b_line);
    let b_1 = counted(read_b(b_first + (k + 1u) * params.b_line), has_next);
#for i LANE_LOADS
    let a_0_0_{{i}} = a[a_at_{{i}} + k * params.a_line];
    let a_0_1_{{i}} = counted(a[a_at_{{i}} + (k + 1u) * params.a_line], has_next);
#endfor
    // All swaps before the first sum: see matmul_swap.wgsl.
#for u 2
#for i LANE_LOADS
    let a_1_{{u}}_{{i}} = quadSwapX(a_0_{{u}}_{{i}});
    let a_2_{{u}}_{{i}} = quadSwapY(a_0_{{u}}_{{i}});
    let a_3_{{u}}_{{i}} = quadSwapDiagonal(a_0_{{u}}_{{i}});
#endfor
#endfor
#for s 4
#for i LANE_LOADS
#for e 4
    acc[{{s * LANE_ROWS + i * 4 + e}}] = (acc[{{s * LANE_ROWS + i * 4 + e}}] + a_{{s}}_0_{{i}}[{{e}}] * b_0) + a_{{s}}_1_{{i}}[{{e}}] * b_1;
#endfor
#endfor
#endfor
  }

  if (own_column >= params.columns) {
    return;
  }
  let held = hold(column);
  for (var i = 0u; i < 4u * ROWS; i++) {
    let m = row + (lane ^ (i / ROWS)) * ROWS + i % ROWS;
    if (m < params.M) {
      let y_row = block.z * params.M + m;
      y[y_row * params.y_pixel + params.y_first + column] = epilogue(acc[i], y_row * params.columns + column, held);
    }
  }
}
