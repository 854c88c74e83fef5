// Bindings of the Fourier kernels, and how a line of `size` complex numbers is read and written.
// Lines lie `inner` apart: element j of line (o, c) is number (o * size + j) * inner + c.

struct Params {
  count: u32,
  size: u32,
  // floor(size / 2) + 1: columns of a half spectrum.
  columns: u32,
  // size / radix: butterflies in a line, and the distance between the inputs of one.
  groups: u32,
  // Product of the radices of the stages before.
  done: u32,
  inner: u32,
  // -1 forward, +1 inverse.
  direction: f32,
  scale: f32,
  interior: f32,
#if DIRECT
  radix: u32,
  rows: u32,
#endif
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<{{Y_TYPE}}>;
@group(0) @binding(2) var<storage, read> x: array<{{X_TYPE}}>;
@group(0) @binding(3) var<storage, read> roots: array<vec2f>;

// True for columns that stand for themselves and their conjugate.
fn is_paired(k: u32) -> bool {
  return k > 0u && 2u * k != params.size;
}

fn load(outer: u32, j: u32, c: u32) -> vec2f {
#if LOAD_REAL
  return vec2f(x[(outer * params.size + j) * params.inner + c], 0.0);
#elif LOAD_HERMITIAN
  let k = min(j, params.size - j);
  let v = x[(outer * params.columns + k) * params.inner + c];
  if (!is_paired(k)) {
    return vec2f(v.x, 0.0);
  }
  return 0.5 * params.interior * select(vec2f(v.x, -v.y), v, j < params.columns);
#else
  return x[(outer * params.size + j) * params.inner + c];
#endif
}

fn store(outer: u32, k: u32, c: u32, v: vec2f) {
#if STORE_REAL
  y[(outer * params.size + k) * params.inner + c] = params.scale * v.x;
#elif STORE_HALF
  if (k < params.columns) {
    let weight = select(vec2f(1.0, 0.0), vec2f(params.interior), is_paired(k));
    y[(outer * params.columns + k) * params.inner + c] = params.scale * weight * v;
  }
#else
  y[(outer * params.size + k) * params.inner + c] = params.scale * v;
#endif
}

fn multiply(a: vec2f, b: vec2f) -> vec2f {
  return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// The t-th root of unity, turning in the direction of the transform. t < size.
fn root(t: u32) -> vec2f {
  let r = roots[t];
  return vec2f(r.x, params.direction * r.y);
}
