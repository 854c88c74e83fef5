// y[i,m,n] = sum over k of a[i,m,k] * b[i,k,n], for K a multiple of 2 and N of 4, on subgroups of quads.
// Four neighbouring invocations compute a block of 16 rows by 32 columns, each all rows and 8 columns, in registers. Each
// loads two terms of four of the rows, and the quad swaps them: lane l then has the rows of lane l ^ s as its s-th four. A
// swap is one instruction on a software adapter, a broadcast fifteen, and only the store must know.
// TRANSPOSE_B: b is stored [N,K].
// Grid: x blocks of rows, y blocks of columns, z the batch.

enable subgroups;

alias T = vec4f;
#if TRANSPOSE_B
alias B = vec2f;
#else
alias B = vec4f;
#endif

// Offsets of a count pairs of terms; those of b count units of B; columns count vec4s. y_pixel, y_first: from one row of y to the
// next, and before its first column.
struct Params {
  M: u32,
  columns: u32,
  pairs: u32,
  a_batch: u32,
  a_line: u32,
  b_batch: u32,
  b_line: u32,
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> a: array<vec2f>;
@group(0) @binding(3) var<storage, read> b: array<{{STORED}}>;
#include "held_epilogue"

#include "halves"

fn read_b(i: u32) -> B {
  return {{READ}};
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Rows and columns beyond the end repeat the last.
  let row = block.x * 16u;
  let column = block.y * 8u + lane * 2u;
  let a_first = block.z * params.a_batch;
  var b_at = block.z * params.b_batch;
#for i 4
  var a_at_{{i}} = a_first + min(row + lane * 4u + {{i}}u, params.M - 1u) * params.a_line;
#endfor
#for j 2
  let column_{{j}} = min(column + {{j}}u, params.columns - 1u);
#endfor
#if TRANSPOSE_B
#for j 2
#for e 4
  let b_line_{{j}}_{{e}} = (column_{{j}} * 4u + {{e}}u) * params.b_line;
#endfor
#endfor
#endif
#for s 4
#for i 4
#for j 2
  var acc_{{s}}_{{i}}_{{j}} = T(0.0);
#endfor
#endfor
#endfor

  for (var k = 0u; k < params.pairs; k++) {
#for j 2
#if TRANSPOSE_B
#for e 4
    let line_{{j}}_{{e}} = read_b(b_at + b_line_{{j}}_{{e}});
#endfor
#for u 2
    let b_{{u}}_{{j}} = vec4f(line_{{j}}_0[{{u}}], line_{{j}}_1[{{u}}], line_{{j}}_2[{{u}}], line_{{j}}_3[{{u}}]);
#endfor
#else
#for u 2
    let b_{{u}}_{{j}} = read_b(b_at + {{u}}u * params.b_line + column_{{j}});
#endfor
#endif
#endfor
#if TRANSPOSE_B
    b_at++;
#else
    b_at += 2u * params.b_line;
#endif
#for i 4
    let a_0_{{i}} = a[a_at_{{i}}];
    a_at_{{i}}++;
    let a_1_{{i}} = quadSwapX(a_0_{{i}});
    let a_2_{{i}} = quadSwapY(a_0_{{i}});
    let a_3_{{i}} = quadSwapDiagonal(a_0_{{i}});
#endfor
#for s 4
#for i 4
#for j 2
#for u 2
    acc_{{s}}_{{i}}_{{j}} += a_{{s}}_{{i}}[{{u}}] * b_{{u}}_{{j}};
#endfor
#endfor
#endfor
#endfor
  }

#for j 2
  let held_{{j}} = hold(column_{{j}});
#endfor
  // Loops, not written out: of all that a software adapter compiles, stores take the longest.
  for (var s = 0u; s < 4u; s++) {
#for i 4
#for j 2
    let own_{{i}}_{{j}} = select(
      select(acc_0_{{i}}_{{j}}, acc_1_{{i}}_{{j}}, s == 1u),
      select(acc_2_{{i}}_{{j}}, acc_3_{{i}}_{{j}}, s == 3u),
      s > 1u,
    );
#endfor
#endfor
    for (var i = 0u; i < 4u; i++) {
      let m = row + (lane ^ s) * 4u + i;
      let y_row = block.z * params.M + m;
      let at = y_row * params.columns + column;
      let y_at = y_row * params.y_pixel + params.y_first + column;
#for j 2
      if ((m < params.M) & (column + {{j}}u < params.columns)) {
        let acc = select(select(own_0_{{j}}, own_1_{{j}}, i == 1u), select(own_2_{{j}}, own_3_{{j}}, i == 3u), i > 1u);
        y[y_at + {{j}}u] = epilogue(acc, at + {{j}}u, held_{{j}});
      }
#endfor
    }
  }
}
