// y[n] = first(second(... last(p, q))): an affine map drawn from each group of rows of the table, composed.
// table: [rows, ROW], a row [size of its group, a, b, t, c, d, u] stands for (r, s) -> (a r + b s + t, c r + d s + u).
// One invocation a matrix [2, 3] of y.

struct Params {
  count: u32,
  rows: u32,
  seed: u32,
  stream: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> step_count: array<f32>;
@group(0) @binding(3) var<storage, read> table: array<f32>;

#include "pcg4d"
#include "flat_index"

const ROW = {{ROW}}u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = flat_index(id, groups);
  if (n >= params.count) {
    return;
  }
  // Columns of the map so far, and its offset.
  var along_r = vec2f(1.0, 0.0);
  var along_s = vec2f(0.0, 1.0);
  var offset = vec2f(0.0);
  var first = 0u;
  while (first < params.rows) {
    let choices = u32(table[first * ROW]);
    let word = n * params.rows + first;
    let bits = pcg4d(vec4u(word >> 2u, u32(step_count[0]), params.stream, params.seed))[word & 3u] >> 16u;
    let at = (first + ((bits * choices) >> 16u)) * ROW;
    let r = along_r * table[at + 1u] + along_s * table[at + 4u];
    let s = along_r * table[at + 2u] + along_s * table[at + 5u];
    offset += along_r * table[at + 3u] + along_s * table[at + 6u];
    along_r = r;
    along_s = s;
    first += max(choices, 1u);
  }
  y[n * 6u] = along_r.x;
  y[n * 6u + 1u] = along_s.x;
  y[n * 6u + 2u] = offset.x;
  y[n * 6u + 3u] = along_r.y;
  y[n * 6u + 4u] = along_s.y;
  y[n * 6u + 5u] = offset.y;
}
