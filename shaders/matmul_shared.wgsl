// y[i,m,n] = sum over k of a[i,m,k] * b[i,k,n]
// a: [batch,M,K] or, not A_ALONG_K, [batch,K,M]; b: [batch,K,N] or, B_ALONG_K, [batch,N,K]  ->  y: [batch,M,N]
// One workgroup: a BLOCK_M x BLOCK_N block of y, through workgroup memory (shared/block_product.wgsl says how).
// Grid: the workgroups, in x and folded into y, count the blocks along N, then along M, then the batch.
// VECTOR_A, VECTOR_B, VECTOR_OUTPUT: memory is read and written four numbers at a time.
// What lies beyond the last row or column is computed from the last one and not stored; terms beyond K are 0.

#if VECTOR_A
alias A = vec4f;
#else
alias A = f32;
#endif
#if VECTOR_B
alias B = vec4f;
#else
alias B = f32;
#endif
alias T = {{TYPE}};

// Offsets: of the batch and from one line of an operand to the next, in A and B. A line is a row of what is stored.
struct Params {
  M: u32,
  N: u32,
  K: u32,
  blocks_m: u32,
  blocks_n: u32,
  blocks: u32,
  a_batch: u32,
  a_line: u32,
  b_batch: u32,
  b_line: u32,
  // From one row of y to the next, and before its first column; in units of T.
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> a: array<A>;
@group(0) @binding(3) var<storage, read> b: array<{{STORED}}>;
{{EPILOGUE_BINDINGS}}

#include "halves"

fn read_b(i: u32) -> B {
  return {{READ}};
}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

struct Place {
  m: u32,
  n: u32,
  depth: u32,
  outside: bool,
  batch: u32,
}

fn place_of(group: u32) -> Place {
  let n = group % params.blocks_n;
  let rest = group / params.blocks_n;
  return Place(
    (rest % params.blocks_m) * BLOCK_M,
    n * BLOCK_N,
    params.K,
    group >= params.blocks,
    rest / params.blocks_m,
  );
}

// Where the four rows of a patch begin in a.
struct Rows {
  at: vec4u,
}

fn rows_at(place: Place, m: u32) -> Rows {
  let first = place.batch * params.a_batch;
#if A_ALONG_K
  return Rows(first + min(m + vec4u(0u, 1u, 2u, 3u), vec4u(params.M - 1u)) * params.a_line);
#elif VECTOR_A
  return Rows(vec4u(first + min(m, params.M - 4u) / 4u));
#else
  return Rows(first + min(m + vec4u(0u, 1u, 2u, 3u), vec4u(params.M - 1u)));
#endif
}

#if A_BY_TERM
fn term_a(rows: Rows, k: u32) -> vec4f {
  if (k >= params.K) {
    return vec4f();
  }
#if VECTOR_A
  return a[rows.at.x + k * params.a_line];
#else
#if A_ALONG_K
  let at = rows.at + k;
#else
  let at = rows.at + k * params.a_line;
#endif
  return vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
#endif
}

fn load_a(place: Place, rows: Rows, k: u32) -> mat4x4f {
  return mat4x4f(term_a(rows, k), term_a(rows, k + 1u), term_a(rows, k + 2u), term_a(rows, k + 3u));
}
#else
fn load_a(place: Place, rows: Rows, k: u32) -> mat4x4f {
  if (k >= params.K) {
    return mat4x4f();
  }
  let at = rows.at + k / 4u;
  return transpose(mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]));
}
#endif

// Where the four columns of a patch begin in b.
struct Columns {
  at: vec4u,
}

fn columns_at(place: Place, n: u32) -> Columns {
  let first = place.batch * params.b_batch;
#if B_ALONG_K
  return Columns(first + min(n + vec4u(0u, 1u, 2u, 3u), vec4u(params.N - 1u)) * params.b_line);
#elif VECTOR_B
  return Columns(vec4u(first + min(n, params.N - 4u) / 4u));
#else
  return Columns(first + min(n + vec4u(0u, 1u, 2u, 3u), vec4u(params.N - 1u)));
#endif
}

#if B_BY_TERM
fn term_b(columns: Columns, k: u32) -> vec4f {
  if (k >= params.K) {
    return vec4f();
  }
#if VECTOR_B
  return read_b(columns.at.x + k * params.b_line);
#else
#if B_ALONG_K
  let at = columns.at + k;
#else
  let at = columns.at + k * params.b_line;
#endif
  return vec4f(read_b(at.x), read_b(at.y), read_b(at.z), read_b(at.w));
#endif
}

fn load_b(place: Place, columns: Columns, k: u32) -> mat4x4f {
  return mat4x4f(term_b(columns, k), term_b(columns, k + 1u), term_b(columns, k + 2u), term_b(columns, k + 3u));
}
#else
fn load_b(place: Place, columns: Columns, k: u32) -> mat4x4f {
  if (k >= params.K) {
    return mat4x4f();
  }
  let at = columns.at + k / 4u;
  return transpose(mat4x4f(read_b(at.x), read_b(at.y), read_b(at.z), read_b(at.w)));
}
#endif

fn store(place: Place, m: u32, n: u32, values: vec4f) {
  if (m >= params.M) {
    return;
  }
  let row = place.batch * params.M + m;
#if VECTOR_OUTPUT
  if (n < params.N) {
    let at = (row * params.N + n) / 4u;
    y[row * params.y_pixel + params.y_first + n / 4u] = epilogue(values, at, n / 4u);
  }
#else
#for e 4
  if (n + {{e}}u < params.N) {
    let at = row * params.N + n + {{e}}u;
    y[row * params.y_pixel + params.y_first + n + {{e}}u] = epilogue(values[{{e}}], at, n + {{e}}u);
  }
#endfor
#endif
}

#include "block_product"
