// Parameters of local response normalization. Windows reach from channel c - before to c + after; rate = alpha / size.

struct Params {
  count: u32,
  channels: u32,
  before: u32,
  after: u32,
  rate: f32,
  beta: f32,
  bias: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
