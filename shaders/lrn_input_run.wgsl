// dx as in lrn_input.wgsl, for C a multiple of 4 and windows of at most 9 channels.
// With s = dy * scale^-beta:   dx[j] = s[j] - 2 * rate * beta * x[j] * (sum of s[c] * x[c] / scale[c] over the c whose
// window holds j). One invocation walks a run of channel vectors of one pixel; each scale is computed once a run.

#include "lrn_run_params"
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
#include "lrn_window"
{{EPILOGUE_BINDINGS}}

alias T = vec4f;

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

/** Vector c of x, zeros beyond the pixel's channels. */
fn load(pixel: u32, c: u32) -> vec4f {
  return select(vec4f(0.0), x[pixel + c], c < params.channels);
}

/** As window_sum, over the c whose windows hold the channels `here`: reaching back as far as windows reach ahead. */
fn holders_sum(back: vec4f, here: vec4f, ahead: vec4f) -> vec4f {
  return window_sum(ahead.wzyx, here.wzyx, back.wzyx).wzyx;
}

struct Shares {
  /** dy * scale^-beta */
  direct: vec4f,
  /** direct * x / scale */
  through: vec4f,
}

/** Of vector c, given x there and on both sides; zeros beyond the channels, where x is zero. */
fn shares(pixel: u32, c: u32, back: vec4f, here: vec4f, ahead: vec4f) -> Shares {
  let scale = params.bias + params.rate * window_sum(back * back, here * here, ahead * ahead);
  let direct = dy[pixel + c] * damping(scale);
  let through = select(vec4f(0.0), direct * here / scale, c < params.channels);
  return Shares(direct, through);
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
  // Unsigned: vectors before the first become large, hence zero.
  let before = load(pixel, first - 1u);
  var here = load(pixel, first);
  var ahead = load(pixel, first + 1u);
  var back_through = shares(pixel, first - 1u, load(pixel, first - 2u), before, here).through;
  var middle = shares(pixel, first, before, here, ahead);
  for (var c = first; c < end; c++) {
    let beyond = load(pixel, c + 2u);
    let next = shares(pixel, c + 1u, here, ahead, beyond);
    let held = holders_sum(back_through, middle.through, next.through);
    let result = middle.direct - 2.0 * params.rate * params.beta * here * held;
    y[pixel + c] = epilogue(result, pixel + c, c);
    back_through = middle.through;
    middle = next;
    here = ahead;
    ahead = beyond;
  }
}
