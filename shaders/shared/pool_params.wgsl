// Sizes of a pooling, in pixels; `channels` counts elements of T. `y_pixel`, `y_first`: elements from one pixel of the pooled
// picture y to the next, and before its first channel, where it is written as part of a larger one.

struct Params {
  height: u32,
  width: u32,
  channels: u32,
  pooled_height: u32,
  pooled_width: u32,
  taps_h: u32,
  taps_w: u32,
  stride_h: u32,
  stride_w: u32,
  pad_top: u32,
  pad_left: u32,
  dilation_h: u32,
  dilation_w: u32,
  pad_bottom: u32,
  pad_right: u32,
  include_pad: u32,
  y_pixel: u32,
  y_first: u32,
}

const WORKGROUP = {{WORKGROUP}}u;

@group(0) @binding(0) var<uniform> params: Params;
