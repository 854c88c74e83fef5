// One stage of any radix R of a Fourier transform of n = size, as a plain sum; with R = n, the whole transform:
// y[J R + k + q done] = sum over s < R of x[j + s n/R] root(s (k + q done) n / (R done))   j = J + k, k = j mod done
// One invocation an element of y, which walks its R terms in order.

#include "fft_ends"
#include "flat_index"

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups);
  if (i >= params.count) {
    return;
  }
  let c = i % params.inner;
  let row = (i / params.inner) % params.rows;
  let outer = i / (params.inner * params.rows);
  // row = (j - k) R + k + q done
  let span = params.radix * params.done;
  let j = (row / span) * params.done + row % params.done;
  // The exponent grows by the same amount from term to term; k + q done = row mod span.
  let turn = ((row % span) * (params.groups / params.done)) % params.size;
  var acc = vec2f(0.0);
  var t = 0u;
  for (var s = 0u; s < params.radix; s++) {
    acc += multiply(load(outer, j + s * params.groups, c), root(t));
    t += turn;
    t = select(t, t - params.size, t >= params.size);
  }
  store(outer, row, c, acc);
}
