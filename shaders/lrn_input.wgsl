// dx[j] = dy[j] * scale[j]^-beta - 2 * rate * beta * x[j] * (sum of dy[c] * x[c] * scale[c]^(-beta-1) for c in j-after .. j+before)
// within one pixel; scale as in lrn.wgsl.      x, dy: [pixels, C] -> dx: [pixels, C]
// One invocation an element; it computes the scales of the whole window anew.

#include "lrn_params"
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
#include "lrn_scale"
#include "flat_index"
{{EPILOGUE_BINDINGS}}

alias T = f32;

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let j = i % params.channels;
  let pixel = i - j;
  let first = max(j, params.after) - params.after;
  let last = min(j + params.before, params.channels - 1u);
  var sum = 0.0;
  var direct = 0.0;
  for (var c = first; c <= last; c++) {
    let scale = lrn_scale(pixel, c);
    let share = dy[pixel + c] * pow(scale, -params.beta);
    sum += share * x[pixel + c] / scale;
    direct = select(direct, share, c == j);
  }
  y[i] = epilogue(direct - 2.0 * params.rate * params.beta * x[i] * sum, i, j);
}
