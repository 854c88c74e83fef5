// y[n,p,q,c] = sum over r,s of x[n, p + r - top, q + s - left, c] * w[r,s,0,c]      (stride 1, no dilation)
// or, with FLIP, of x[...] * w[R-1-r,S-1-s,0,c]: the gradient of the input, x being dy.
// x: [N,H,W,C]  w: [R,S,1,C]  ->  y: [N,P,Q,C]: every channel has its own filter (groups = C, C a multiple of 4).
// One invocation a strip: PIXELS neighbours of a row of y times four channels, RUN rows down. The filter stays in registers,
// each row of x is loaded once and added to the R rows of y that see it: sum_{k} belongs to the row k below the one that
// is completed next. Grid: x tiles of a row times channels, y strips, z pictures. Offsets along C count vec4s.

alias T = vec4f;

struct Params {
  tiles: u32,
  channels: u32,
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  top: i32,
  left: i32,
  run: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<storage, read> x: array<T>;
@group(0) @binding(3) var<storage, read> w: array<T>;
{{EPILOGUE_BINDINGS}}

const WORKGROUP = {{WORKGROUP}}u;

fn epilogue(acc: T, at: u32, channel: u32) -> T {
{{EPILOGUE}}
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let tile = id.x / params.channels;
  if (tile >= params.tiles) {
    return;
  }
  let c = id.x - tile * params.channels;
  let q0 = tile * {{PIXELS}}u;
  let p0 = id.y * params.run;
  let n = id.z;
#for r R
#for s S
#if FLIP
  let w_{{r}}_{{s}} = w[{{R * S - 1 - r * S - s}}u * params.channels + c];
#else
  let w_{{r}}_{{s}} = w[{{r * S + s}}u * params.channels + c];
#endif
#endfor
#endfor
  let v0 = i32(q0) - params.left;
  let last = i32(params.W) - 1;
  // Offsets of the columns within a row, those outside moved onto the edge, and then taken for 0.
#for j COLUMNS
  let column_{{j}} = u32(clamp(v0 + {{j}}, 0, last)) * params.channels + c;
  let inside_{{j}} = u32(v0 + {{j}}) < params.W;
#endfor
#for k R
#for t PIXELS
  var sum_{{k}}_{{t}} = T(0.0);
#endfor
#endfor
  let rows = min(params.run, params.P - p0) + {{R - 1}}u;
  for (var i = 0u; i < rows; i++) {
    // Before the first row this wraps round to a large number.
    let h = u32(i32(p0 + i) - params.top);
    if (h < params.H) {
      let row = (n * params.H + h) * params.W * params.channels;
#for j COLUMNS
      let x_{{j}} = select(T(0.0), x[row + column_{{j}}], inside_{{j}});
#endfor
#for k R
#for s S
#for t PIXELS
      sum_{{k}}_{{t}} += x_{{t + s}} * w_{{R - 1 - k}}_{{s}};
#endfor
#endfor
#endfor
    }
    if (i >= {{R - 1}}u) {
      let y_at = ((n * params.P + p0 + i - {{R - 1}}u) * params.Q + q0) * params.channels + c;
#for t PIXELS
      if (q0 + {{t}}u < params.Q) {
        let at = y_at + {{t}}u * params.channels;
        y[at] = epilogue(sum_0_{{t}}, at, c);
      }
#endfor
    }
#for k CARRIED
#for t PIXELS
    sum_{{k}}_{{t}} = sum_{{k + 1}}_{{t}};
#endfor
#endfor
#for t PIXELS
    sum_{{R - 1}}_{{t}} = T(0.0);
#endfor
  }
}
