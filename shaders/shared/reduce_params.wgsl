// Bindings and index arithmetic of reduce.wgsl and reduce_workgroup.wgsl.

struct Params {
  count: u32,
  length: u32,
  kept_inner: u32,
  kept_stride0: u32,
  kept_stride1: u32,
  reduced_inner: u32,
  reduced_stride0: u32,
  reduced_stride1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

fn combine(a: f32, b: f32) -> f32 {
#if MAX
  return max(a, b);
#else
  return a + b;
#endif
}

fn kept_offset(k: u32) -> u32 {
  return (k / params.kept_inner) * params.kept_stride0 + (k % params.kept_inner) * params.kept_stride1;
}
