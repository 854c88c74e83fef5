// y[i,m,n] = sum over k of a[i,m,k] * b[i,k,n]
// The plain form: one invocation an element of y. Operands are walked with strides, so transposed ones are no special case.

alias T = f32;

struct Params {
  count: u32,
  M: u32,
  N: u32,
  K: u32,
  a_batch: u32,
  a_m: u32,
  a_k: u32,
  b_batch: u32,
  b_k: u32,
  b_n: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<{{STORED}}>;
{{EPILOGUE_BINDINGS}}

#include "flat_index"

#include "halves"

fn read_b(i: u32) -> f32 {
  return {{READ}};
}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = flat_index(id, groups);
  if (at >= params.count) {
    return;
  }
  let n = at % params.N;
  let m = (at / params.N) % params.M;
  let i = at / (params.N * params.M);
  let a_at = i * params.a_batch + m * params.a_m;
  let b_at = i * params.b_batch + n * params.b_n;
  var acc = 0.0;
  for (var k = 0u; k < params.K; k++) {
    acc += a[a_at + k * params.a_k] * read_b(b_at + k * params.b_k);
  }
  y[at] = epilogue(acc, at, n);
}
