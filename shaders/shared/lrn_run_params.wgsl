// Sizes of lrn_run.wgsl and lrn_input_run.wgsl: `channels` and `run` count vectors, `runs` is the runs of a pixel.

struct Params {
  count: u32,
  channels: u32,
  run: u32,
  runs: u32,
  rate: f32,
  beta: f32,
  bias: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
