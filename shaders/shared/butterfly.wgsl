// y_q = sum over s of v_s e^(direction 2 pi i q s / R), as statements inside a function. Odd R: numbers s and R - s are
// paired, since their roots are conjugate; even R: transforms of half the size, joined.
#if RADIX_2
  let y0 = v0 + v1;
  let y1 = v0 - v1;
#elif RADIX_3
  let a1 = v1 + v2;
  let b1 = 0.8660254037844386 * quarter(v1 - v2);
  let m1 = v0 - 0.5 * a1;
  let y0 = v0 + a1;
  let y1 = m1 + b1;
  let y2 = m1 - b1;
#elif RADIX_4
  let a0 = v0 + v2;
  let a1 = v0 - v2;
  let b0 = v1 + v3;
  let b1 = quarter(v1 - v3);
  let y0 = a0 + b0;
  let y1 = a1 + b1;
  let y2 = a0 - b0;
  let y3 = a1 - b1;
#elif RADIX_5
  // Cosines and sines of 1/5 and 2/5 of a turn.
  let a1 = v1 + v4;
  let a2 = v2 + v3;
  let b1 = quarter(v1 - v4);
  let b2 = quarter(v2 - v3);
  let m1 = v0 + 0.30901699437494745 * a1 - 0.8090169943749475 * a2;
  let m2 = v0 - 0.8090169943749475 * a1 + 0.30901699437494745 * a2;
  let n1 = 0.9510565162951535 * b1 + 0.5877852522924731 * b2;
  let n2 = 0.5877852522924731 * b1 - 0.9510565162951535 * b2;
  let y0 = v0 + a1 + a2;
  let y1 = m1 + n1;
  let y2 = m2 + n2;
  let y3 = m2 - n2;
  let y4 = m1 - n1;
#elif RADIX_7
  // Cosines and sines of 1/7, 2/7 and 3/7 of a turn.
  let a1 = v1 + v6;
  let a2 = v2 + v5;
  let a3 = v3 + v4;
  let b1 = quarter(v1 - v6);
  let b2 = quarter(v2 - v5);
  let b3 = quarter(v3 - v4);
  let m1 = v0 + 0.6234898018587336 * a1 - 0.2225209339563144 * a2 - 0.9009688679024191 * a3;
  let m2 = v0 - 0.2225209339563144 * a1 - 0.9009688679024191 * a2 + 0.6234898018587336 * a3;
  let m3 = v0 - 0.9009688679024191 * a1 + 0.6234898018587336 * a2 - 0.2225209339563144 * a3;
  let n1 = 0.7818314824680298 * b1 + 0.9749279121818236 * b2 + 0.4338837391175581 * b3;
  let n2 = 0.9749279121818236 * b1 - 0.4338837391175581 * b2 - 0.7818314824680298 * b3;
  let n3 = 0.4338837391175581 * b1 - 0.7818314824680298 * b2 + 0.9749279121818236 * b3;
  let y0 = v0 + a1 + a2 + a3;
  let y1 = m1 + n1;
  let y2 = m2 + n2;
  let y3 = m3 + n3;
  let y4 = m3 - n3;
  let y5 = m2 - n2;
  let y6 = m1 - n1;
#elif RADIX_8
  // Even numbers, then odd ones turned by eighths.
  let a0 = v0 + v4;
  let a1 = v0 - v4;
  let a2 = v2 + v6;
  let a3 = quarter(v2 - v6);
  let b0 = v1 + v5;
  let b1 = v1 - v5;
  let b2 = v3 + v7;
  let b3 = quarter(v3 - v7);
  let e0 = a0 + a2;
  let e1 = a1 + a3;
  let e2 = a0 - a2;
  let e3 = a1 - a3;
  let o0 = b0 + b2;
  let p1 = b1 + b3;
  let o1 = 0.7071067811865476 * (p1 + quarter(p1));
  let o2 = quarter(b0 - b2);
  let p3 = b1 - b3;
  let o3 = 0.7071067811865476 * (quarter(p3) - p3);
  let y0 = e0 + o0;
  let y1 = e1 + o1;
  let y2 = e2 + o2;
  let y3 = e3 + o3;
  let y4 = e0 - o0;
  let y5 = e1 - o1;
  let y6 = e2 - o2;
  let y7 = e3 - o3;
#endif
