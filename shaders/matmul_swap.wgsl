// y[i,m,n] = sum over k of a[i,m,k] * b[i,k,n], for K a multiple of TERMS and N of 4, on subgroups of quads.
// Four neighbouring invocations compute a block of 4 LANE_ROWS rows by 16 columns, each all rows and 4 columns. Each loads TERMS
// terms of LANE_ROWS of the rows, and the quad swaps them: lane l then has the rows of lane l ^ s as its s-th part. A swap is
// one instruction on a software adapter, a broadcast fifteen, and only the store must know.
// The sums are an array that the store goes through by a running index. That keeps them on the stack, where a sum is masked
// once a round when it is written; as variables of the loop they would be masked too, and spilled besides. The columns lie behind
// them: as variables they would take the registers, and be copied there for each product.
// TRANSPOSE_B: b is stored [N,K].
// Grid: x blocks of rows, y blocks of columns, z the batch.

enable subgroups;

const ROWS = {{LANE_ROWS}}u;

alias T = vec4f;
alias A = vec{{TERMS}}f;
#if TRANSPOSE_B
alias B = A;
#else
alias B = vec4f;
#endif

// Offsets of a count units of A, those of b units of B; columns count vec4s. y_pixel, y_first: from one row of y to the
// next, and before its first column.
struct Params {
  M: u32,
  columns: u32,
  rounds: u32,
  a_batch: u32,
  a_line: u32,
  b_batch: u32,
  b_line: u32,
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> a: array<A>;
@group(0) @binding(3) var<storage, read> b: array<{{STORED}}>;
#include "held_epilogue"

#include "halves"

fn read_b(i: u32) -> B {
  return {{READ}};
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Rows and columns beyond the end repeat the last.
  let row = block.x * (4u * ROWS);
  let own_column = block.y * 4u + lane;
  let column = min(own_column, params.columns - 1u);
  let a_first = block.z * params.a_batch;
#for i LANE_ROWS
  let a_at_{{i}} = a_first + min(row + lane * ROWS + {{i}}u, params.M - 1u) * params.a_line;
#endfor
#if TRANSPOSE_B
  var b_at = block.z * params.b_batch + column * 4u * params.b_line;
#else
  var b_at = block.z * params.b_batch + column;
#endif
  var acc: array<T, 4 * ROWS + {{TERMS}}>;

  for (var k = 0u; k < params.rounds; k++) {
    // All swaps before the first sum: mixed with the sums they make a software adapter spill the mask of its lanes, which
    // takes more than twice the time.
#for i LANE_ROWS
    let a_0_{{i}} = a[a_at_{{i}} + k];
    let a_1_{{i}} = quadSwapX(a_0_{{i}});
    let a_2_{{i}} = quadSwapY(a_0_{{i}});
    let a_3_{{i}} = quadSwapDiagonal(a_0_{{i}});
#endfor
    // Before the rows, these loads cost up to a tenth more.
#if TRANSPOSE_B
#for e 4
    let line_{{e}} = read_b(b_at + {{e}}u * params.b_line);
#endfor
    b_at++;
#for u TERMS
    acc[{{4 * LANE_ROWS + u}}] = vec4f(line_0[{{u}}], line_1[{{u}}], line_2[{{u}}], line_3[{{u}}]);
#endfor
#else
#for u TERMS
    acc[{{4 * LANE_ROWS + u}}] = read_b(b_at + {{u}}u * params.b_line);
#endfor
    b_at += {{TERMS}}u * params.b_line;
#endif
#for s 4
#for i LANE_ROWS
    acc[{{s * LANE_ROWS + i}}] = acc[{{s * LANE_ROWS + i}}]
#for u TERMS
      + a_{{s}}_{{i}}[{{u}}] * acc[{{4 * LANE_ROWS + u}}]
#endfor
      ;
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
