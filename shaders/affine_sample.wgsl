// y[n,p,q,c] = sum over the four pixels (r,s) around (row,column) of (1-|row-r|) (1-|column-s|) x[n,r,s,c]
// (row, column) = M[n] (p, q, 1); pixels outside x hold `fill`.
// x: [N,H,W,C]  M: [N or 1,2,3]  ->  y: [N,P,Q,C]. One invocation: BLOCK channels of one pixel of y.

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
  fill: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> matrix: array<f32>;

#include "flat_index"

const BLOCK = {{BLOCK}}u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let channel = (i % params.blocks) * BLOCK;
  let pixel = i / params.blocks;
  let q = f32(pixel % params.out_width);
  let line = pixel / params.out_width;
  let p = f32(line % params.out_height);
  let n = line / params.out_height;
  let m = n * params.matrix_stride;
  let height = i32(params.height);
  let width = i32(params.width);
  // Two pixels beyond the border everything is `fill`; the limit keeps the position an integer that fits.
  let row = clamp(matrix[m] * p + matrix[m + 1u] * q + matrix[m + 2u], -2.0, f32(height + 1));
  let column = clamp(matrix[m + 3u] * p + matrix[m + 4u] * q + matrix[m + 5u], -2.0, f32(width + 1));
  let top = i32(floor(row));
  let left = i32(floor(column));
  let down = row - floor(row);
  let right = column - floor(column);
  let base = (n * params.height * params.width) * params.channels + channel;
#for c BLOCK
  var acc{{c}} = 0.0;
#endfor
#for r 2
#for s 2
  {
    let r = top + {{r}};
    let s = left + {{s}};
    let weight = select(1.0 - down, down, {{r}} == 1) * select(1.0 - right, right, {{s}} == 1);
    if (r >= 0 && r < height && s >= 0 && s < width) {
      let at = base + u32(r * width + s) * params.channels;
#for c BLOCK
      acc{{c}} += weight * x[at + {{c}}u];
#endfor
    } else {
#for c BLOCK
      acc{{c}} += weight * params.fill;
#endfor
    }
  }
#endfor
#endfor
#for c BLOCK
  y[i * BLOCK + {{c}}u] = acc{{c}};
#endfor
}
