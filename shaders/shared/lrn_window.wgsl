// Local response normalization four channels at a time, for windows that reach at most one vector to each side.

const WORKGROUP = {{WORKGROUP}}u;

/** Sums over the windows of the four channels `here`, which reach BEFORE channels back and SIZE-1-BEFORE ahead. */
fn window_sum(back: vec4f, here: vec4f, ahead: vec4f) -> vec4f {
  let e = array<f32, 12>(back.x, back.y, back.z, back.w, here.x, here.y, here.z, here.w, ahead.x, ahead.y, ahead.z, ahead.w);
  const FIRST = 4 - {{BEFORE}};
  var sum = vec4f(0.0);
#for d SIZE
  sum += vec4f(e[FIRST + {{d}}], e[FIRST + 1 + {{d}}], e[FIRST + 2 + {{d}}], e[FIRST + 3 + {{d}}]);
#endfor
  return sum;
}

/** scale^-beta */
fn damping(scale: vec4f) -> vec4f {
#if THREE_QUARTERS
  let root = inverseSqrt(scale);
  return root * sqrt(root);
#else
  return pow(scale, vec4f(-params.beta));
#endif
}
