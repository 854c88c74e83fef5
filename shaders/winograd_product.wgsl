// y[f, m, n] = sum over c of a[f, m, c] * b[f, n, c]; a: [F, row_blocks, C, 16], b: [F, column_blocks, C, 32].
// Four neighbouring invocations compute one block of 16 rows by 32 columns, each all rows and 8 columns, in registers. What
// they read of one c lies side by side and comes as whole arrays: a software adapter works out an address, its descriptor and
// its bounds once for each load, however long.
// PAIRS: two terms a round. The loop masks every accumulator at each round, which costs as much as two terms. Their products
// are added before the accumulator is, and the columns are scalars: so the compiler spills least.
// HALF_A, HALF_B: the operand is stored in halves.
// QUAD: each loads four of the 16 rows, and the lanes of the quad swap them. Lane l then has the rows of lane l ^ s as its
// s-th four: a swap is one instruction on a software adapter, a broadcast fifteen, and only the store must know.

#if QUAD
enable subgroups;
#endif

#if QUAD
alias T = f32;
alias Rows = vec4f;
alias Columns = array<T, 8>;
#else
alias T = vec4f;
alias Rows = array<vec4f, 4>;
alias Columns = array<T, 2>;
#endif

const WORKGROUP = {{WORKGROUP}}u;

struct Params {
  blocks: u32,
  row_blocks: u32,
  column_blocks: u32,
  C: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Columns>;
#include "halves"

#if HALF_A
#if QUAD
@group(0) @binding(2) var<storage, read> a: array<vec2u>;

fn read_a(i: u32) -> Rows {
  return four_halves(a[i]);
}
#else
@group(0) @binding(2) var<storage, read> a: array<array<vec2u, 4>>;

fn read_a(i: u32) -> Rows {
  let words = a[i];
  return Rows(four_halves(words[0]), four_halves(words[1]), four_halves(words[2]), four_halves(words[3]));
}
#endif
#else
@group(0) @binding(2) var<storage, read> a: array<Rows>;

fn read_a(i: u32) -> Rows {
  return a[i];
}
#endif

#if HALF_B
@group(0) @binding(3) var<storage, read> b: array<vec4u>;

fn read_b(i: u32) -> Columns {
  let words = b[i];
  let low = four_halves(words.xy);
  let high = four_halves(words.zw);
#if QUAD
  return Columns(low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w);
#else
  return Columns(low, high);
#endif
}
#else
@group(0) @binding(3) var<storage, read> b: array<Columns>;

fn read_b(i: u32) -> Columns {
  return b[i];
}
#endif

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  // Blocks beyond the end repeat the last, so that quads stay whole.
  let index = (group.x + group.y * groups.x) * (WORKGROUP / 4u) + local / 4u;
  let block = min(index, params.blocks - 1u);
  let lane = local & 3u;
  let column_block = block % params.column_blocks;
  let row_block = block / params.column_blocks; // of all f
  let f = row_block / params.row_blocks;
#if QUAD
  var a_at = row_block * params.C * 4u + lane;
#else
  var a_at = row_block * params.C;
#endif
  var b_at = (f * params.column_blocks + column_block) * params.C * 4u + lane;
#for s 4
#for i 4
#for j UNITS
  var acc_{{s}}_{{i}}_{{j}} = T(0.0);
#endfor
#endfor
#endfor

  for (var c = 0u; c < params.C; c += {{TERMS}}u) {
#for u TERMS
    let b_{{u}} = read_b(b_at);
    b_at += 4u;
#if QUAD
    let a_{{u}}_0 = read_a(a_at);
    a_at += 4u;
    let a_{{u}}_1 = quadSwapX(a_{{u}}_0);
    let a_{{u}}_2 = quadSwapY(a_{{u}}_0);
    let a_{{u}}_3 = quadSwapDiagonal(a_{{u}}_0);
#else
    let a_{{u}} = read_a(a_at);
    a_at++;
#for s 4
    let a_{{u}}_{{s}} = a_{{u}}[{{s}}];
#endfor
#endif
#endfor
#for s 4
#for i 4
#for j UNITS
#if PAIRS
    acc_{{s}}_{{i}}_{{j}} += b_0[{{j}}] * a_0_{{s}}[{{i}}] + b_1[{{j}}] * a_1_{{s}}[{{i}}];
#else
    acc_{{s}}_{{i}}_{{j}} += b_0[{{j}}] * a_0_{{s}}[{{i}}];
#endif
#endfor
#endfor
#endfor
  }

  if (index >= params.blocks) {
    return;
  }
  let row_length = params.column_blocks * 4u;
  let y_at = row_block * 16u * row_length + column_block * 4u + lane;
  // Loops, not written out: of all that a software adapter compiles, stores take the longest.
  for (var s = 0u; s < 4u; s++) {
#if QUAD
    let row = (lane ^ s) * 4u;
#else
    let row = s * 4u;
#endif
#for i 4
#for j UNITS
    let own_{{i}}_{{j}} = select(
      select(acc_0_{{i}}_{{j}}, acc_1_{{i}}_{{j}}, s == 1u),
      select(acc_2_{{i}}_{{j}}, acc_3_{{i}}_{{j}}, s == 3u),
      s > 1u,
    );
#endfor
#endfor
    for (var i = 0u; i < 4u; i++) {
      y[y_at + (row + i) * row_length] = Columns(
#for j UNITS
        select(select(own_0_{{j}}, own_1_{{j}}, i == 1u), select(own_2_{{j}}, own_3_{{j}}, i == 3u), i > 1u),
#endfor
      );
    }
  }
}
