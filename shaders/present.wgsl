// Draws pictures that lie in a storage buffer to a canvas, without a copy through the CPU.
// x: [N,H,W,C] in 0..1, C = 3 (RGB) or 1 (grey). The N pictures stand side by side in a grid of `columns`.
// One triangle covers the canvas; each fragment reads its pixel (nearest neighbour, so pixels stay visible).

struct Params {
  count: u32,
  height: u32,
  width: u32,
  channels: u32,
  columns: u32,
  canvas_width: f32,
  canvas_height: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
  let corner = vec2f(f32((index << 1u) & 2u), f32(index & 2u));
  return vec4f(corner * 2.0 - 1.0, 0.0, 1.0);
}

@fragment
fn shade(@builtin(position) position: vec4f) -> @location(0) vec4f {
  let rows = (params.count + params.columns - 1u) / params.columns;
  let grid = vec2f(f32(params.columns * params.width), f32(rows * params.height));
  let at = vec2u(position.xy / vec2f(params.canvas_width, params.canvas_height) * grid);
  let picture = (at.y / params.height) * params.columns + at.x / params.width;
  if (picture >= params.count) {
    return vec4f(0.5, 0.5, 0.5, 1.0);
  }
  let pixel = ((picture * params.height + at.y % params.height) * params.width + at.x % params.width) * params.channels;
  if (params.channels == 1u) {
    return vec4f(vec3f(x[pixel]), 1.0);
  }
  return vec4f(x[pixel], x[pixel + 1u], x[pixel + 2u], 1.0);
}
