// y[i] = uniform number in [0, 1), or standard normal number, of word i of the sequence (seed, stream, step).
// One invocation draws the four words of a hash. Uniform: the upper 24 bits. Normal: sqrt(2) erfinv(x), x the upper 23 bits
// as an odd multiple of 2^-23 in (-1, 1), so that x and (1 - x) are exact.

struct Params {
  count: u32,
  seed: u32,
  stream: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> step_count: array<f32>;

#include "pcg4d"
#include "flat_index"

#if NORMAL
// Natural logarithm of a normal number in (0, 1]. The built-in one may be off by more than all that follows.
// a = m 2^e with m in [0.7, 1.42); log m = 2 atanh(s) with s = (m - 1) / (m + 1), |s| < 0.18.
fn logarithm(a: f32) -> f32 {
  let bits = bitcast<i32>(a);
  // 0x3f333333 is 0.7: the exponent steps there instead of at 1.
  let e = (bits - 0x3f333333) >> 23u;
  let m = bitcast<f32>(bits - (e << 23u));
  let s = (m - 1.0) / (m + 1.0);
  let t = s * s;
  return f32(e) * 0.6931471805599453 + 2.0 * s * (1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t / 9.0))));
}

// Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2011, table 5.
fn number(word: u32) -> f32 {
  let x = f32((word >> 9u) * 2u + 1u) * 0x1p-23 - 1.0;
  var w = -logarithm((1.0 - x) * (1.0 + x));
  var p: f32;
  if (w < 5.0) {
    w -= 2.5;
    p = 2.81022636e-8;
    p = p * w + 3.43273939e-7;
    p = p * w - 3.5233877e-6;
    p = p * w - 4.39150654e-6;
    p = p * w + 0.00021858087;
    p = p * w - 0.00125372503;
    p = p * w - 0.00417768164;
    p = p * w + 0.246640727;
    p = p * w + 1.50140941;
  } else {
    w = sqrt(w) - 3.0;
    p = -0.000200214257;
    p = p * w + 0.000100950558;
    p = p * w + 0.00134934322;
    p = p * w - 0.00367342844;
    p = p * w + 0.00573950773;
    p = p * w - 0.0076224613;
    p = p * w + 0.00943887047;
    p = p * w + 1.00167406;
    p = p * w + 2.83297682;
  }
  return 1.4142135623730951 * x * p;
}
#else
fn number(word: u32) -> f32 {
  return f32(word >> 8u) * 0x1p-24;
}
#endif

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let block = flat_index(id, groups);
  if (block * 4u >= params.count) {
    return;
  }
  let words = pcg4d(vec4u(block, u32(step_count[0]), params.stream, params.seed));
#for k 4
  if (block * 4u + {{k}}u < params.count) {
    y[block * 4u + {{k}}u] = number(words[{{k}}]);
  }
#endfor
}
