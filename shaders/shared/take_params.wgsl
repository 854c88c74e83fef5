// Sizes of take.wgsl and take_input.wgsl: `size` elements along the axis of the input, `taken` of the output; `inner`
// counts what lies inside the axis in elements of T.

struct Params {
  count: u32,
  size: u32,
  taken: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;
