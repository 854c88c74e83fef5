// u[f, k, c] = (G w[:,:,c,k] Gᵀ)[f] for the 3x3 taps of channel c and filter k; the matrix is written out in TRANSFORM.
// u: [SIZE², blocks, C, block], filters in blocks, zeros beyond the last. One invocation: one channel and one filter.
// Steps along w come as uniforms: for input gradients the taps go backwards, and channels and filters are exchanged.

struct Params {
  count: u32,
  sums: u32,
  filters: u32,
  block: u32,
  plane: u32,
  first_tap: i32,
  tap_step: i32,
  sum_step: i32,
  filter_step: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> u: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let c = (i / params.block) % params.sums;
  let k = i / (params.block * params.sums) * params.block + i % params.block;
  let inside = k < params.filters;
  var at = params.first_tap + i32(c) * params.sum_step + i32(k) * params.filter_step;
#for a 3
#for b 3
  let w_{{a}}_{{b}} = select(0.0, w[u32(at)], inside);
  at += params.tap_step;
#endfor
#endfor
{{TRANSFORM}}
  // A loop, not written out: of all that a software adapter compiles, stores take the longest.
  var u_at = i;
  for (var a = 0u; a < {{SIZE}}u; a++) {
#for b SIZE
    var u_{{b}} = u_0_{{b}};
#for a SIZE
    u_{{b}} = select(u_{{b}}, u_{{a}}_{{b}}, a == {{a}}u);
#endfor
    u[u_at] = u_{{b}};
    u_at += params.plane;
#endfor
  }
}
