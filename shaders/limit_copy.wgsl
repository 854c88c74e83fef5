// y[i] = x[i]   for vec4s, the limit of memory: every invocation moves STRIDE-spaced vec4s, so that neighbours read neighbouring
// addresses. The arrays end where the grid does: nothing is checked.

struct Params {
  // vec4s between two that one invocation moves
  stride: u32,
  // how many it moves
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var i = id.x;
  for (var n = 0u; n < params.rounds; n++) {
    y[i] = x[i];
    i += params.stride;
  }
}
