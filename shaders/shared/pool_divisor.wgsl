// What an averaging window is divided by, along one axis: its taps on the input, or on input and padding.

fn taps_counted(at: u32, stride: u32, taps: u32, before: u32, size: u32, after: u32) -> i32 {
  let start = i32(at * stride) - i32(before);
  if (params.include_pad == 1u) {
    return min(start + i32(taps), i32(size + after)) - start;
  }
  return min(start + i32(taps), i32(size)) - max(start, 0);
}

fn window_divisor(p: u32, q: u32) -> f32 {
  let rows = taps_counted(p, params.stride_h, params.taps_h, params.pad_top, params.height, params.pad_bottom);
  let columns = taps_counted(q, params.stride_w, params.taps_w, params.pad_left, params.width, params.pad_right);
  return f32(rows * columns);
}
