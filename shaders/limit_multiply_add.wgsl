// The arithmetic limit: eight independent chains of multiply-adds an invocation, nothing loaded, one value stored.

struct Params {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = 0.999 + f32(id.x & 3u) * 1e-6;
  var s0 = vec4f(f32(id.x));
  var s1 = s0 + 1.0;
  var s2 = s0 + 2.0;
  var s3 = s0 + 3.0;
  var s4 = s0 + 4.0;
  var s5 = s0 + 5.0;
  var s6 = s0 + 6.0;
  var s7 = s0 + 7.0;
  for (var i = 0u; i < params.rounds; i++) {
    s0 = s0 * a + 1e-3;
    s1 = s1 * a + 1e-3;
    s2 = s2 * a + 1e-3;
    s3 = s3 * a + 1e-3;
    s4 = s4 * a + 1e-3;
    s5 = s5 * a + 1e-3;
    s6 = s6 * a + 1e-3;
    s7 = s7 * a + 1e-3;
  }
  let sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
  y[id.x] = sum.x + sum.y + sum.z + sum.w;
}
