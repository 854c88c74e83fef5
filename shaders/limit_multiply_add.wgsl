// The arithmetic limit: eight independent chains of multiply-adds an invocation, nothing loaded, one value stored.

struct Params {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = 0.999 + f32(id.x & 3u) * 1e-6;
  #for i 8
  var s{{i}} = vec4f(f32(id.x) + {{i}}.0);
  #endfor
  for (var round = 0u; round < params.rounds; round++) {
    // Several a round: on a software adapter what a loop itself does would else take most of the time.
    #for j UNROLL
    #for i 8
    s{{i}} = s{{i}} * a + 1e-3;
    #endfor
    #endfor
  }
  let sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
  y[id.x] = sum.x + sum.y + sum.z + sum.w;
}
