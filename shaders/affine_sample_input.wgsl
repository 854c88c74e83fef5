// dx[n,r,s,c] = sum over p,q of tent(row(p,q) - r) tent(column(p,q) - s) dy[n,p,q,c],   tent(t) = max(0, 1 - |t|)
// (row, column) = M[n] (p, q, 1): the transpose of affine_sample.wgsl as a gather, so its order of summation is fixed.
// dy: [N,P,Q,C]  M: [N or 1,2,3]  ->  dx: [N,H,W,C]. One invocation: BLOCK channels of one pixel of dx. The output pixels
// that read it lie in a parallelogram, the image of the square |row - r|, |column - s| < 1 under the inverse map; it
// walks the lines p of the box around it, and in each the stretch of q that the parallelogram leaves.

struct Params {
  count: u32,
  // Channels / BLOCK.
  blocks: u32,
  height: u32,
  width: u32,
  channels: u32,
  out_height: u32,
  out_width: u32,
  // 6, or 0 where one matrix serves all pictures.
  matrix_stride: u32,
  // A determinant below this share of its products counts as zero.
  singular: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> matrix: array<f32>;

#include "flat_index"

const BLOCK = {{BLOCK}}u;
// Stands for 1 / 0: far beyond any picture.
const HUGE = 1e30;

// First and last whole number between low and high, ends excluded, and in [0, size). Empty: last < first. No margin for
// rounding is needed: the weight is 0 at the ends, so a pixel missed by rounding has a weight of that size.
fn whole(low: f32, high: f32, size: u32) -> vec2i {
  let limit = f32(size);
  let first = clamp(floor(low) + 1.0, 0.0, limit);
  let last = clamp(ceil(high) - 1.0, -1.0, limit - 1.0);
  return vec2i(i32(first), i32(last));
}

fn inverse(slope: f32) -> f32 {
  return select(1.0 / slope, HUGE, abs(slope) < 1.0 / HUGE);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let channel = (i % params.blocks) * BLOCK;
  let pixel = i / params.blocks;
  let s = f32(pixel % params.width);
  let line = pixel / params.width;
  let r = f32(line % params.height);
  let n = line / params.height;
  let m = n * params.matrix_stride;
  let a = matrix[m];
  let b = matrix[m + 1u];
  let c = matrix[m + 3u];
  let d = matrix[m + 4u];
  let row0 = matrix[m + 2u];
  let column0 = matrix[m + 5u];
#for c BLOCK
  var acc{{c}} = 0.0;
#endfor
  let determinant = a * d - b * c;
  if (abs(determinant) > params.singular * (abs(a * d) + abs(b * c))) {
    let over = 1.0 / determinant;
    let center = over * (d * (r - row0) - b * (s - column0));
    let reach = abs(over) * (abs(d) + abs(b));
    let ps = whole(center - reach, center + reach, params.out_height);
    let over_b = inverse(b);
    let over_d = inverse(d);
    for (var p = ps.x; p <= ps.y; p++) {
      let row = a * f32(p) + row0 - r;
      let column = c * f32(p) + column0 - s;
      // |row + b q| < 1 and |column + d q| < 1.
      let center_q = vec2f(-row * over_b, -column * over_d);
      let reach_q = abs(vec2f(over_b, over_d));
      let low = center_q - reach_q;
      let high = center_q + reach_q;
      let qs = whole(max(low.x, low.y), min(high.x, high.y), params.out_width);
      let at = (n * params.out_height + u32(p)) * params.out_width;
      for (var q = qs.x; q <= qs.y; q++) {
        let weight = max(0.0, 1.0 - abs(row + b * f32(q))) * max(0.0, 1.0 - abs(column + d * f32(q)));
        if (weight > 0.0) {
          let k = (at + u32(q)) * params.channels + channel;
#for c BLOCK
          acc{{c}} += weight * dy[k + {{c}}u];
#endfor
        }
      }
    }
  }
#for c BLOCK
  y[i * BLOCK + {{c}}u] = acc{{c}};
#endfor
}
