// Sizes of one convolution, as the plain kernels take them. Letters as in src/kernels/conv.ts.

struct Params {
  count: u32,
  H: u32,
  W: u32,
  C: u32,
  P: u32,
  Q: u32,
  K: u32,
  R: u32,
  S: u32,
  group_c: u32,
  group_k: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  top: u32,
  left: u32,
  N: u32,
}
