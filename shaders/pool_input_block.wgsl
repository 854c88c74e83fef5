// The gradient of pooling as in pool_input.wgsl, without dilation.
// One invocation a block of SH x SW input pixels and T channels: the pixels that the same WIN_H x WIN_W windows cover, so
// that each dy and switch is loaded once a block. Counted from the padded corner, block (a,b) holds the pixels
// (a*SH + i, b*SW + j), and the windows (a - k, b - l), k < WIN_H, l < WIN_W, reach it with the taps (k*SH + i, l*SW + j):
// which tap lies on which pixel is known to the compiler.

alias T = {{TYPE}};

#include "pool_params"
@group(0) @binding(1) var<storage, read_write> y: array<T>;
#if AVERAGE
@group(0) @binding(2) var<storage, read> dy: array<T>;
#include "pool_divisor"
#else
@group(0) @binding(2) var<storage, read> switches: array<T>;
@group(0) @binding(3) var<storage, read> dy: array<T>;
#endif
{{EPILOGUE_BINDINGS}}

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

const R = {{R}};
const S = {{S}};
const SH = {{SH}};
const SW = {{SW}};

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  // Blocks wholly in the padding are left out.
  let block = id.x / params.channels;
  let column_block = block + params.pad_left / u32(SW);
  let row_block = id.y + params.pad_top / u32(SH);
  let w0 = column_block * u32(SW) - params.pad_left;
  let h0 = row_block * u32(SH) - params.pad_top;
  let c = id.x - block * params.channels;
  let n = id.z;
#for i SH
#for j SW
  var acc_{{i}}_{{j}} = T(0.0);
#endfor
#endfor
#for k WIN_H
  let p_{{k}} = row_block - {{k}}u;
#for l WIN_W
  {
    // Unsigned: what would be negative becomes large.
    let q = column_block - {{l}}u;
    let at = ((n * params.pooled_height + p_{{k}}) * params.pooled_width + q) * params.channels + c;
    let exists = p_{{k}} < params.pooled_height && q < params.pooled_width;
#if AVERAGE
    let value = select(T(0.0), dy[at] / window_divisor(p_{{k}}, q), exists);
#else
    let value = select(T(0.0), dy[at], exists);
    let tap = switches[at];
#endif
#for i SH
#for j SW
    if ({{k}} * SH + {{i}} < R && {{l}} * SW + {{j}} < S) {
#if AVERAGE
      acc_{{i}}_{{j}} += value;
#else
      acc_{{i}}_{{j}} += select(T(0.0), value, tap == T(f32(({{k}} * SH + {{i}}) * S + {{l}} * SW + {{j}})));
#endif
    }
#endfor
#endfor
  }
#endfor
#endfor
#for i SH
#for j SW
  {
    let h = h0 + {{i}}u;
    let w = w0 + {{j}}u;
    if (h < params.height && w < params.width) {
      let at = ((n * params.height + h) * params.width + w) * params.channels + c;
      y[at] = epilogue(acc_{{i}}_{{j}}, at, c);
    }
  }
#endfor
#endfor
}
