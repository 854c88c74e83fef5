// y[pixel,c] = x[pixel,c] * scale^-beta, as in lrn.wgsl, for C a multiple of 4 and windows of at most 9 channels.
// One invocation walks a run of channel vectors of one pixel and keeps three neighbours: one load and one power a vector.

#include "lrn_run_params"
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
#include "lrn_window"

/** Vector c of the pixel, zeros beyond its channels. */
fn load(pixel: u32, c: u32) -> vec4f {
  return select(vec4f(0.0), x[pixel + c], c < params.channels);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= params.count) {
    return;
  }
  let pixel_index = i / params.runs;
  let pixel = pixel_index * params.channels;
  let first = (i - pixel_index * params.runs) * params.run;
  let end = min(first + params.run, params.channels);
  // Unsigned: the vector before the first becomes large, hence zero.
  var back = load(pixel, first - 1u);
  var here = load(pixel, first);
  for (var c = first; c < end; c++) {
    let ahead = load(pixel, c + 1u);
    let scale = params.bias + params.rate * window_sum(back * back, here * here, ahead * ahead);
    y[pixel + c] = here * damping(scale);
    back = here;
    here = ahead;
  }
}
