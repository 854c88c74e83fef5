/** Component d ^ lane of v as the d-th: what lane l of a quad takes from its neighbour l ^ d lies so. */
fn in_quad_order(v: vec4f, lane: u32) -> vec4f {
  let pairs = select(v, v.yxwz, (lane & 1u) != 0u);
  return select(pairs, pairs.zwxy, (lane & 2u) != 0u);
}
