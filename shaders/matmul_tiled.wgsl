// y[i,m,n] = sum over k of a[i,m,k] * b[i,k,n]
// One invocation: ROWS rows times COLUMNS units of T along N, in registers, no workgroup memory. Grid: x tiles of rows,
// y blocks of columns, z the batch.
// VECTOR_INPUT: the terms of a row of a (and of a column of b, if that is stored transposed) lie side by side, four a load.
// TRANSPOSE_B: b is stored [N,K].
// QUAD: four neighbouring invocations need the same part of b, so each loads a quarter and hands it round.

#if QUAD
enable subgroups;
#endif

alias T = {{TYPE}};
#if VECTOR_INPUT
alias X = vec4f;
#else
alias X = f32;
#endif
#if TRANSPOSE_B
alias B = X;
#else
alias B = T;
#endif

const ROWS = {{ROWS}}u;
const COLUMNS = {{COLUMNS}}u;

// Sizes and offsets count elements as they are loaded: of a in X, of b in B, along N in T.
struct Params {
  M: u32,
  columns: u32,
  depth: u32,
  a_batch: u32,
  a_m: u32,
  a_k: u32,
  b_batch: u32,
  b_line: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> a: array<X>;
@group(0) @binding(3) var<storage, read> b: array<{{STORED}}>;
{{EPILOGUE_BINDINGS}}

#include "halves"

fn read_b(i: u32) -> B {
  return {{READ}};
}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size({{TILES_PER_WORKGROUP}}, {{BLOCKS_PER_WORKGROUP}})
fn main(
  @builtin(global_invocation_id) id: vec3u,
#if QUAD
  @builtin(subgroup_invocation_id) lane: u32,
#endif
) {
  // Rows and columns beyond the end repeat the last, so that quads stay whole.
  let row = id.x * ROWS;
  let column = id.y * COLUMNS;
  var a_at = id.z * params.a_batch;
  var b_at = id.z * params.b_batch;
#for i ROWS
  let row_{{i}} = min(row + {{i}}u, params.M - 1u) * params.a_m;
#endfor
#for j COLUMNS
  let column_{{j}} = min(column + {{j}}u, params.columns - 1u);
#endfor
#for i ROWS
#for j COLUMNS
  var acc_{{i}}_{{j}} = T(0.0);
#endfor
#endfor

  for (var k = 0u; k < params.depth; k++) {
#for i ROWS
    let a_{{i}} = a[a_at + row_{{i}}];
#endfor
    a_at += params.a_k;
#if TRANSPOSE_B
#for j COLUMNS
    {
#if VECTOR_OUTPUT
#if QUAD
      let own = read_b(b_at + (4u * column_{{j}} + (lane & 3u)) * params.b_line);
#endif
#for e 4
#if QUAD
      let b_{{e}} = quadBroadcast(own, {{e}}u);
#else
      let b_{{e}} = read_b(b_at + (4u * column_{{j}} + {{e}}u) * params.b_line);
#endif
#endfor
#for i ROWS
#if VECTOR_INPUT
      acc_{{i}}_{{j}} += vec4f(dot(a_{{i}}, b_0), dot(a_{{i}}, b_1), dot(a_{{i}}, b_2), dot(a_{{i}}, b_3));
#else
      acc_{{i}}_{{j}} += a_{{i}} * vec4f(b_0, b_1, b_2, b_3);
#endif
#endfor
#else
      let b_0 = read_b(b_at + column_{{j}} * params.b_line);
#for i ROWS
#if VECTOR_INPUT
      acc_{{i}}_{{j}} += dot(a_{{i}}, b_0);
#else
      acc_{{i}}_{{j}} += a_{{i}} * b_0;
#endif
#endfor
#endif
    }
#endfor
    b_at++;
#elif VECTOR_INPUT
#if QUAD
#for j COLUMNS
    let own_{{j}} = read_b(b_at + (lane & 3u) * params.b_line + column_{{j}});
#endfor
#endif
#for d 4
    {
#for j COLUMNS
#if QUAD
      let b_{{j}} = quadBroadcast(own_{{j}}, {{d}}u);
#else
      let b_{{j}} = read_b(b_at + {{d}}u * params.b_line + column_{{j}});
#endif
#for i ROWS
      acc_{{i}}_{{j}} += a_{{i}}[{{d}}] * b_{{j}};
#endfor
#endfor
    }
#endfor
    b_at += 4u * params.b_line;
#else
#for j COLUMNS
    {
      let b_j = read_b(b_at + column_{{j}});
#for i ROWS
      acc_{{i}}_{{j}} += a_{{i}} * b_j;
#endfor
    }
#endfor
    b_at += params.b_line;
#endif
  }

  let y_at = (id.z * params.M + row) * params.columns + column;
#for j COLUMNS
  if (column + {{j}}u < params.columns) {
#for i ROWS
    if (row + {{i}}u < params.M) {
      let at = y_at + {{i}}u * params.columns + {{j}}u;
      y[at] = epilogue(acc_{{i}}_{{j}}, at, column + {{j}}u);
    }
#endfor
  }
#endfor
}
