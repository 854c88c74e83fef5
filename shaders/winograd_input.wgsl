// v[f, t, c] = (Bᵀ x B)[f] for the SIZE² inputs x under tile t in channel c; the matrix is written out in TRANSFORM.
// x: [N,H,W,C]; v: [SIZE², blocks, C, block], tiles in blocks, zeros beyond the last. One invocation: one tile and channel.

const TILE = {{TILE}}u;

struct Params {
  count: u32,
  H: u32,
  W: u32,
  C: u32,
  tiles: u32,
  down: u32,
  across: u32,
  block: u32,
  plane: u32,
  top: i32,
  left: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  // Neighbouring invocations read neighbouring channels.
  let c = i % params.C;
  let t = i / params.C;
  let row = t / params.across;
  // Rows and columns before the first wrap round to large numbers and fail the test too.
  let h0 = (row % params.down) * TILE - u32(params.top);
  let w0 = (t % params.across) * TILE - u32(params.left);
  let n = row / params.down;
  let line = params.W * params.C;
  var at = ((n * params.H + h0) * params.W + w0) * params.C + c;
#for b SIZE
  let across_{{b}} = (w0 + {{b}}u < params.W) & (t < params.tiles);
#endfor
#for a SIZE
  let down_{{a}} = h0 + {{a}}u < params.H;
#for b SIZE
  let x_{{a}}_{{b}} = select(0.0, x[at + {{b}}u * params.C], down_{{a}} & across_{{b}});
#endfor
  at += line;
#endfor
{{TRANSFORM}}
  var v_at = (t / params.block * params.C + c) * params.block + t % params.block;
#for a SIZE
#for b SIZE
  v[v_at] = v_{{a}}_{{b}};
  v_at += params.plane;
#endfor
#endfor
}
