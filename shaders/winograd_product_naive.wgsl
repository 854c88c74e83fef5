// y[f, m, n] = sum over c of a[f, m, c] * b[f, n, c]; a: [F, blocks, C, row_block], b: [F, blocks, C, column_block].
// One invocation computes one element.

struct Params {
  count: u32,
  M: u32,
  N: u32,
  C: u32,
  row_block: u32,
  column_block: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<{{STORED_A}}>;
@group(0) @binding(3) var<storage, read> b: array<{{STORED_B}}>;

#include "flat_index"
#include "halves"

fn read_a(i: u32) -> f32 {
  return {{READ_A}};
}

fn read_b(i: u32) -> f32 {
  return {{READ_B}};
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let n = i % params.N;
  let m = i / params.N % params.M;
  let f = i / (params.N * params.M);
  var a_at = (f * params.M + m / params.row_block * params.row_block) * params.C + m % params.row_block;
  var b_at = (f * params.N + n / params.column_block * params.column_block) * params.C + n % params.column_block;
  var acc = 0.0;
  for (var c = 0u; c < params.C; c++) {
    acc += read_a(a_at) * read_b(b_at);
    a_at += params.row_block;
    b_at += params.column_block;
  }
  y[i] = acc;
}
