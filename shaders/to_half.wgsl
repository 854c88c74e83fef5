// y[i] = the half nearest to x[i], of two the even one; two halves a word, the first in the lower bits.
// One invocation a word. In integers, since WGSL leaves open which way pack2x16float rounds; src/kernels/half.ts does the same.

struct Params {
  count: u32,
  words: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<u32>;

#include "flat_index"

fn half_bits(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return sign | 0x7e00u;
  }
  // Halves below 2^-14 are multiples of 2^-24: fewer bits of the float remain the smaller it is.
  let exponent = magnitude >> 23u;
  let is_normal = exponent > 112u;
  let dropped = select(min(126u - exponent, 25u), 13u, is_normal);
  let digits = select((magnitude & 0x7fffffu) | 0x800000u, magnitude - 0x38000000u, is_normal);
  let is_odd = (digits >> dropped) & 1u;
  let rounded = (digits + (1u << (dropped - 1u)) - 1u + is_odd) >> dropped;
  return sign | min(rounded, 0x7c00u);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.words) {
    return;
  }
  var word = half_bits(x[2u * i]);
  if (2u * i + 1u < params.count) {
    word |= half_bits(x[2u * i + 1u]) << 16u;
  }
  y[i] = word;
}
