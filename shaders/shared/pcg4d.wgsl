// A hash of four words (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020). Word i of the sequence
// of (seed, stream, step) is component i mod 4 of pcg4d(i div 4, step, stream, seed): see src/kernels/random.ts.

fn pcg4d(words: vec4u) -> vec4u {
  var v = words * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}
