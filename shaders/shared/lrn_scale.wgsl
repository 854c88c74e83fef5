// scale of channel c of the pixel that starts at `pixel`: bias + rate * (sum of x² over the window of c)

fn lrn_scale(pixel: u32, c: u32) -> f32 {
  let first = max(c, params.before) - params.before;
  let last = min(c + params.after, params.channels - 1u);
  var squares = 0.0;
  for (var k = first; k <= last; k++) {
    let value = x[pixel + k];
    squares += value * value;
  }
  return params.bias + params.rate * squares;
}
