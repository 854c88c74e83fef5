// The part that matmul_shared.wgsl and conv2d_shared.wgsl have in common: a matrix product y = a b by blocks in workgroup
// memory, double buffered.
//
// One workgroup: BLOCK_M rows times BLOCK_N columns of y, in steps of BLOCK_K terms. A step's blocks of a and b lie in
// workgroup memory as [k][row or column], so that one vec4 is four rows of a, or four columns of b, at one k.
// There are two such buffers: while one is multiplied, the next blocks travel from memory through registers into the
// other, and one barrier a step is enough.
// One invocation: ROW_UNITS vec4 of rows times COLUMN_UNITS vec4 of columns, in registers. Its units lie LANES_M (LANES_N)
// apart, so that neighbouring invocations read neighbouring vec4 of workgroup memory, each bank once.
// Loading: one invocation a patch of 4 k times 4 rows (columns). ALONG_K: four k lie side by side in memory; then the
// patches of neighbouring invocations follow each other along k, and their columns in workgroup memory are swapped about
// (exclusive or with a number that depends on k) so that they fall on different banks.
//
// The file that includes this defines
//   Place, place_of(group), with members m, n (where the block begins), depth (number of terms) and outside;
//   Rows, rows_at(place, m) and load_a(place, rows, k) -> 4 k as columns times the 4 rows from m, 0 beyond depth;
//   Columns, columns_at(place, n) and load_b(place, columns, k), likewise;
//   store(place, m, n, values) of row m and the 4 columns from n.

const BLOCK_M = {{BLOCK_M}}u;
const BLOCK_N = {{BLOCK_N}}u;
const BLOCK_K = {{BLOCK_K}}u;
// vec4 along the rows, columns and terms of a block.
const UNITS_M = BLOCK_M / 4u;
const UNITS_N = BLOCK_N / 4u;
const UNITS_K = BLOCK_K / 4u;
const LANES_M = UNITS_M / {{ROW_UNITS}}u;
const LANES_N = UNITS_N / {{COLUMN_UNITS}}u;
const PATCHES_A = UNITS_M * UNITS_K;
const PATCHES_B = UNITS_N * UNITS_K;
// Eight invocations store 16 bytes each into 32 banks of 4 bytes.
const SPREAD = 8u / UNITS_K;
#if A_ALONG_K
const SPREAD_A = SPREAD;
#else
const SPREAD_A = 0u;
#endif
#if B_ALONG_K
const SPREAD_B = SPREAD;
#else
const SPREAD_B = 0u;
#endif

var<workgroup> a_tile: array<vec4f, 2u * BLOCK_K * UNITS_M>;
var<workgroup> b_tile: array<vec4f, 2u * BLOCK_K * UNITS_N>;

// A patch of a block: [which four rows or columns, which four k].
fn patch_a(patch_index: u32) -> vec2u {
#if A_ALONG_K
  return vec2u(patch_index / UNITS_K, patch_index % UNITS_K);
#else
  return vec2u(patch_index % UNITS_M, patch_index / UNITS_M);
#endif
}

fn patch_b(patch_index: u32) -> vec2u {
#if B_ALONG_K
  return vec2u(patch_index / UNITS_K, patch_index % UNITS_K);
#else
  return vec2u(patch_index % UNITS_N, patch_index / UNITS_N);
#endif
}

fn put_a(at: vec2u, buffer: u32, values: mat4x4f) {
  let first = (buffer * BLOCK_K + at.y * 4u) * UNITS_M + (at.x ^ (at.y * SPREAD_A));
#for e 4
  a_tile[first + {{e}}u * UNITS_M] = values[{{e}}];
#endfor
}

fn put_b(at: vec2u, buffer: u32, values: mat4x4f) {
  let first = (buffer * BLOCK_K + at.y * 4u) * UNITS_N + (at.x ^ (at.y * SPREAD_B));
#for e 4
  b_tile[first + {{e}}u * UNITS_N] = values[{{e}}];
#endfor
}

@compute @workgroup_size(LANES_M * LANES_N)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group.x + group.y * groups.x);
  if (place.outside) {
    return;
  }
  let lane_m = lane / LANES_N;
  let lane_n = lane % LANES_N;
#if SPLIT_LOADS
  // The first invocations load a, the next b.
  let loads_a = lane < PATCHES_A;
  let loads_b = !loads_a & (lane < PATCHES_A + PATCHES_B);
  let at_a = patch_a(lane);
  let at_b = patch_b(lane - PATCHES_A);
  var next = mat4x4f();
#else
  // Every invocation loads one patch of each.
  let at_a = patch_a(lane);
  let at_b = patch_b(lane);
  var next_a = mat4x4f();
  var next_b = mat4x4f();
#endif
  let rows = rows_at(place, place.m + 4u * at_a.x);
  let columns = columns_at(place, place.n + 4u * at_b.x);
#for i ROW_UNITS
#for d 4
#for j COLUMN_UNITS
  var acc_{{i}}_{{d}}_{{j}} = vec4f();
#endfor
#endfor
#endfor

  // Step s loads block s and multiplies block s - 1, so the first only loads and the last only multiplies.
  let steps = (place.depth + BLOCK_K - 1u) / BLOCK_K;
  for (var s = 0u; s <= steps; s++) {
    let k = s * BLOCK_K;
    if (s < steps) {
#if SPLIT_LOADS
      if (loads_a) {
        next = load_a(place, rows, k + 4u * at_a.y);
      } else if (loads_b) {
        next = load_b(place, columns, k + 4u * at_b.y);
      }
#else
      next_a = load_a(place, rows, k + 4u * at_a.y);
      next_b = load_b(place, columns, k + 4u * at_b.y);
#endif
    }
    if (s > 0u) {
      var a_at = ((s - 1u) & 1u) * BLOCK_K * UNITS_M;
      var b_at = ((s - 1u) & 1u) * BLOCK_K * UNITS_N;
      for (var unit = 0u; unit < UNITS_K; unit++) {
        let m = a_at + (lane_m ^ (unit * SPREAD_A));
        let n = b_at + (lane_n ^ (unit * SPREAD_B));
#for e 4
        {
#for i ROW_UNITS
          let a_{{i}} = a_tile[m + {{e}}u * UNITS_M + {{i}}u * LANES_M];
#endfor
#for j COLUMN_UNITS
          let b_{{j}} = b_tile[n + {{e}}u * UNITS_N + {{j}}u * LANES_N];
#endfor
#for i ROW_UNITS
#for d 4
#for j COLUMN_UNITS
          acc_{{i}}_{{d}}_{{j}} += a_{{i}}[{{d}}] * b_{{j}};
#endfor
#endfor
#endfor
        }
#endfor
        a_at += 4u * UNITS_M;
        b_at += 4u * UNITS_N;
      }
    }
    if (s < steps) {
#if SPLIT_LOADS
      if (loads_a) {
        put_a(at_a, s & 1u, next);
      } else if (loads_b) {
        put_b(at_b, s & 1u, next);
      }
#else
      put_a(at_a, s & 1u, next_a);
      put_b(at_b, s & 1u, next_b);
#endif
    }
    workgroupBarrier();
  }

#for i ROW_UNITS
#for d 4
#for j COLUMN_UNITS
  store(place, place.m + 4u * (lane_m + {{i}}u * LANES_M) + {{d}}u, place.n + 4u * (lane_n + {{j}}u * LANES_N), acc_{{i}}_{{d}}_{{j}});
#endfor
#endfor
#endfor
}
