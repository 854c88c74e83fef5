// Bindings of softmax.wgsl and softmax_workgroup.wgsl. Row k starts at row_start(k); its elements are `stride` apart.

struct Params {
  count: u32,
  length: u32,
  stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

fn row_start(k: u32) -> u32 {
  let outer = k / params.stride;
  return outer * params.stride * params.length + (k - outer * params.stride);
}

/** Result for one element, given the row's maximum and the sum of exp(x - largest). */
fn normalized(value: f32, largest: f32, sum: f32) -> f32 {
#if LOG
  return (value - largest) - log(sum);
#else
  return exp(value - largest) / sum;
#endif
}
