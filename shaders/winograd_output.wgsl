// y = Aᵀ m A at the TILE² outputs of one tile and filter; the matrix is written out in TRANSFORM.
// products: [SIZE², tiles, filters] or [SIZE², filters, tiles], by their steps; y: [N,P,Q,K]. One invocation: one tile and one
// T of filters.

alias T = {{TYPE}};

const TILE = {{TILE}}u;

// Offsets and sizes along filters count units of T.
struct Params {
  count: u32,
  P: u32,
  Q: u32,
  K: u32,
  down: u32,
  across: u32,
  plane: u32,
  tile_step: u32,
  filter_step: u32,
  // From one pixel of y to the next, and before its first channel; in units of T.
  y_pixel: u32,
  y_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> products: array<T>;
#include "held_epilogue"
#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let k = i % params.K;
  let t = i / params.K;
  var m_at = t * params.tile_step + k * params.filter_step;
#for a SIZE
#for b SIZE
  let m_{{a}}_{{b}} = products[m_at];
  m_at += params.plane;
#endfor
#endfor
{{TRANSFORM}}
  let row = t / params.across;
  let p0 = (row % params.down) * TILE;
  let q0 = (t % params.across) * TILE;
  let held = hold(k);
  let first = (row / params.down * params.P + p0) * params.Q + q0;
  // A loop, not written out: of all that a software adapter compiles, stores take the longest.
  for (var a = 0u; a < min(TILE, params.P - p0); a++) {
#for b TILE
    if (q0 + {{b}}u < params.Q) {
      var z = z_0_{{b}};
#for a TILE
      z = select(z, z_{{a}}_{{b}}, a == {{a}}u);
#endfor
      let pixel = first + a * params.Q + {{b}}u;
      y[pixel * params.y_pixel + params.y_first + k] = epilogue(z, pixel * params.K + k, held);
    }
#endfor
  }
}
