/** Four numbers stored as halves, two to a word. */
fn four_halves(words: vec2u) -> vec4f {
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
