// One Stockham stage of radix R of a Fourier transform of n = size (formula: see fft_direct.wgsl).
// One invocation a butterfly: it reads R numbers n/R apart, turns number s by s k n / (R done), transforms the R numbers
// in registers, and writes them `done` apart. Neighbouring invocations take neighbouring lines.

#include "fft_ends"
#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let i = flat_index(id, workgroups);
  if (i >= params.count) {
    return;
  }
  let c = i % params.inner;
  let line = i / params.inner;
  let outer = line / params.groups;
  let j = line - outer * params.groups;
  let k = j % params.done;
  let turn = k * (params.groups / params.done);
#for s RADIX
  var v{{s}} = load(outer, j + {{s}}u * params.groups, c);
#endfor
  if (k > 0u) {
#for s RADIX
    v{{s}} = multiply(v{{s}}, root({{s}}u * turn));
#endfor
  }
#include "butterfly"
  let to = (j - k) * {{RADIX}}u + k;
#for s RADIX
  store(outer, to + {{s}}u * params.done, c, y{{s}});
#endfor
}

// i v, or -i v forwards.
fn quarter(v: vec2f) -> vec2f {
  return params.direction * vec2f(-v.y, v.x);
}
