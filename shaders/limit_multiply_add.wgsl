// The arithmetic limit: CHAINS independent chains of multiply-adds an invocation, UNROLL terms of each a round, nothing loaded,
// one value stored.

struct Params {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = 0.999 + f32(id.x & 3u) * 1e-6;
  #for i CHAINS
  var s{{i}} = vec4f(f32(id.x) + {{i}}.0);
  #endfor
  let rounds = params.rounds; // read each time, it would be a branch in the loop of a software adapter
  for (var round = 0u; round < rounds; round++) {
    #for j UNROLL
    #for i CHAINS
    s{{i}} = s{{i}} * a + 1e-3;
    #endfor
    #endfor
  }
  var sum = vec4f(0.0);
  #for i CHAINS
  sum += s{{i}};
  #endfor
  y[id.x] = sum.x + sum.y + sum.z + sum.w;
}
