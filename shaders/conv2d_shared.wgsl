// y[n,p,q,k] = sum over r,s,c of x[n, p sh + r dh - top, q sw + s dw - left, c] * w[r,s,c,k]
// INPUT, the gradient of the input:
// dx[n,h,v,c] = sum over r,s,k, with p sh + r dh - top = h and q sw + s dw - left = v, of dy[n,p,q,k] * w[r,s,c,k]
// x: [N,H,W,C]  w: [R,S,C,K]  ->  y: [N,P,Q,K], without groups. Implicit GEMM: a matrix product whose rows are pixels of
// the output, whose columns are its channels, and whose terms are taps times channels of what is read, in the order of w;
// the matrix of pixels by terms is never stored, its blocks are gathered when they are loaded.
// One workgroup: BLOCK_M pixels times BLOCK_N channels, through workgroup memory (shared/block_product.wgsl says how).
// Grid: the workgroups, in x and folded into y, count the blocks of channels, then those of pixels, then the phases.
// INPUT: the pixels of dx fall into sh sw phases (h mod sh, v mod sw). Within one, every pixel sees the same taps, each
// period_h (period_w) taps from the last, and dx is a convolution of stride 1 over dy with the taps in reverse.
// VECTOR_X, VECTOR_W, VECTOR_OUTPUT: memory is read and written four channels at a time.
// Pixels beyond the last are computed as zeros, channels beyond the last from the last one, and not stored.

#if VECTOR_X
alias X = vec4f;
#else
alias X = f32;
#endif
#if VECTOR_W
alias W = vec4f;
#else
alias W = f32;
#endif
alias T = {{TYPE}};

// `pixels` of one phase lie on a grid of N times rows times width, the largest phase's. H, W: size of what is read, with
// `channels` in X. columns: channels of what is written. w_line: from one line of w to the next, in W.
struct Params {
  blocks_m: u32,
  blocks_n: u32,
  blocks: u32,
  pixels: u32,
  rows: u32,
  width: u32,
  H: u32,
  W: u32,
  channels: u32,
  columns: u32,
  w_line: u32,
  R: u32,
  S: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  top: u32,
  left: u32,
  // From one pixel of y to the next, and before its first channel; in units of T.
  y_pixel: u32,
  y_first: u32,
#if INPUT
  period_h: u32,
  period_w: u32,
  out_h: u32,
  out_w: u32,
#endif
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> w: array<{{STORED}}>;
{{EPILOGUE_BINDINGS}}

#include "halves"

fn read_w(i: u32) -> W {
  return {{READ}};
}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

#if VECTOR_X
const X_WIDTH = 4u;
#else
const X_WIDTH = 1u;
#endif

// One axis of the taps that a block sees: tap t is w's `first + t * period`, and pixel i reads at
// i * stride + offset + t * step. Numbers below zero wrap round, and are too large to be inside.
struct Taps {
  count: u32,
  first: u32,
  period: u32,
  stride: u32,
  offset: u32,
  step: u32,
}

struct Place {
  m: u32,
  n: u32,
  depth: u32,
  outside: bool,
  phase: vec2u,
  down: Taps,
  across: Taps,
}

#if INPUT
// The taps r with r * dilation = phase + pad modulo the stride.
fn taps_of(phase: u32, pad: u32, taps: u32, stride: u32, dilation: u32, period: u32) -> Taps {
  var first = 0u;
  while (first < period && (first * dilation) % stride != (phase + pad) % stride) {
    first++;
  }
  let count = select((taps + period - 1u - first) / period, 0u, first >= min(period, taps));
  // Both divide: the difference by the choice of `first`, the product by that of the period.
  let offset = (i32(phase + pad) - i32(first * dilation)) / i32(stride);
  return Taps(count, first, period, 1u, u32(offset), 0u - period * dilation / stride);
}
#endif

fn place_of(group: u32) -> Place {
  let n = group % params.blocks_n;
  let rest = group / params.blocks_n;
#if INPUT
  let phase = vec2u(rest / params.blocks_m / params.stride_w, (rest / params.blocks_m) % params.stride_w);
  let down = taps_of(phase.x, params.top, params.R, params.stride_h, params.dilation_h, params.period_h);
  let across = taps_of(phase.y, params.left, params.S, params.stride_w, params.dilation_w, params.period_w);
#else
  let phase = vec2u();
  let down = Taps(params.R, 0u, 1u, params.stride_h, 0u - params.top, params.dilation_h);
  let across = Taps(params.S, 0u, 1u, params.stride_w, 0u - params.left, params.dilation_w);
#endif
  let depth = down.count * across.count * params.channels * X_WIDTH;
  let m = (rest % params.blocks_m) * BLOCK_M;
  return Place(m, n * BLOCK_N, depth, group >= params.blocks, phase, down, across);
}

// Four pixels: row and column that their first tap reads, and the first row of their picture.
struct Rows {
  h: vec4u,
  v: vec4u,
  picture: vec4u,
}

fn rows_at(place: Place, m: u32) -> Rows {
  let pixel = m + vec4u(0u, 1u, 2u, 3u);
  let row = pixel / params.width;
  // Pixels beyond the last read rows beyond the last.
  let h = select((row % params.rows) * place.down.stride + place.down.offset, vec4u(0x40000000u), pixel >= vec4u(params.pixels));
  let v = (pixel % params.width) * place.across.stride + place.across.offset;
  return Rows(h, v, (row / params.rows) * params.H);
}

// Term k, a multiple of X_WIDTH: where the four pixels have it, and whether there is such a pixel.
struct Term {
  at: vec4u,
  inside: vec4<bool>,
}

fn term_of(place: Place, rows: Rows, k: u32) -> Term {
  let unit = k / X_WIDTH;
  let tap = unit / params.channels;
  let h = rows.h + (tap / place.across.count) * place.down.step;
  let v = rows.v + (tap % place.across.count) * place.across.step;
  let at = ((rows.picture + h) * params.W + v) * params.channels + unit % params.channels;
  return Term(at, (h < vec4u(params.H)) & (v < vec4u(params.W)) & vec4<bool>(k < place.depth));
}

fn value(at: u32, inside: bool) -> X {
  if (inside) {
    return x[at];
  }
  return X();
}

fn load_a(place: Place, rows: Rows, k: u32) -> mat4x4f {
#if VECTOR_X
  let term = term_of(place, rows, k);
  return transpose(mat4x4f(
#for i 4
    value(term.at[{{i}}], term.inside[{{i}}]),
#endfor
  ));
#else
  var patch_values: mat4x4f;
#for e 4
  {
    let term = term_of(place, rows, k + {{e}}u);
    patch_values[{{e}}] = vec4f(
#for i 4
      value(term.at[{{i}}], term.inside[{{i}}]),
#endfor
    );
  }
#endfor
  return patch_values;
#endif
}

// The four columns of a patch, where they lie under a tap of w.
struct Columns {
  at: vec4u,
}

fn columns_at(place: Place, n: u32) -> Columns {
#if INPUT
  return Columns(min(n + vec4u(0u, 1u, 2u, 3u), vec4u(params.columns - 1u)) * params.w_line);
#elif VECTOR_W
  return Columns(vec4u(min(n, params.columns - 4u) / 4u));
#else
  return Columns(min(n + vec4u(0u, 1u, 2u, 3u), vec4u(params.columns - 1u)));
#endif
}

#if INPUT
// Term k as w has it under column 0.
fn line_of(place: Place, k: u32) -> u32 {
  let unit = k / X_WIDTH;
  let tap = unit / params.channels;
  let r = place.down.first + (tap / place.across.count) * place.down.period;
  let s = place.across.first + (tap % place.across.count) * place.across.period;
  return (r * params.S + s) * params.columns * params.w_line + unit % params.channels;
}

fn load_b(place: Place, columns: Columns, k: u32) -> mat4x4f {
#if VECTOR_W
  if (k >= place.depth) {
    return mat4x4f();
  }
  let at = columns.at + line_of(place, k);
  return transpose(mat4x4f(read_w(at.x), read_w(at.y), read_w(at.z), read_w(at.w)));
#else
  var patch_values: mat4x4f;
#for e 4
  if (k + {{e}}u < place.depth) {
    let at = columns.at + line_of(place, k + {{e}}u);
    patch_values[{{e}}] = vec4f(read_w(at.x), read_w(at.y), read_w(at.z), read_w(at.w));
  }
#endfor
  return patch_values;
#endif
}
#else
fn line_b(place: Place, columns: Columns, k: u32) -> vec4f {
  if (k >= place.depth) {
    return vec4f();
  }
  let at = columns.at + k * params.w_line;
#if VECTOR_W
  return read_w(at.x);
#else
  return vec4f(read_w(at.x), read_w(at.y), read_w(at.z), read_w(at.w));
#endif
}

fn load_b(place: Place, columns: Columns, k: u32) -> mat4x4f {
  return mat4x4f(
    line_b(place, columns, k),
    line_b(place, columns, k + 1u),
    line_b(place, columns, k + 2u),
    line_b(place, columns, k + 3u),
  );
}
#endif

fn store(place: Place, m: u32, n: u32, values: vec4f) {
  if (m >= params.pixels) {
    return;
  }
#if INPUT
  let row = m / params.width;
  let h = (row % params.rows) * params.stride_h + place.phase.x;
  let v = (m % params.width) * params.stride_w + place.phase.y;
  if (h >= params.out_h || v >= params.out_w) {
    return;
  }
  let pixel = ((row / params.rows) * params.out_h + h) * params.out_w + v;
#else
  let pixel = m;
#endif
#if VECTOR_OUTPUT
  if (n < params.columns) {
    let at = (pixel * params.columns + n) / 4u;
    y[pixel * params.y_pixel + params.y_first + n / 4u] = epilogue(values, at, n / 4u);
  }
#else
#for e 4
  if (n + {{e}}u < params.columns) {
    let at = pixel * params.columns + n + {{e}}u;
    y[pixel * params.y_pixel + params.y_first + n + {{e}}u] = epilogue(values[{{e}}], at, n + {{e}}u);
  }
#endfor
#endif
}

#include "block_product"
