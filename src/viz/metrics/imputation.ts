// imputation.ts: pixels guessed from those around them (Rong et al. 2022, section 4.2, noisy linear imputation): each missing
// pixel is the weighted mean of its eight neighbours, 1/6 for those at its sides and 1/12 for those at its corners, and those
// that are missing themselves are unknowns of one sparse linear system.

import { normalNumbers } from '../../kernels/random.ts';

type Shape = readonly [height: number, width: number, channels: number];

const SIDE = 1 / 6;
const CORNER = 1 / 12;
const AROUND = [-1, 0, 1].flatMap((row) =>
  [-1, 0, 1]
    .filter((column) => row !== 0 || column !== 0)
    .map((column) => ({ row, column, weight: row === 0 || column === 0 ? SIDE : CORNER })),
);
const STREAM = 82;

/** Residual, as a share of the right-hand side, at which the solver stops: far below the noise that is added. */
const TOLERANCE = 1e-7;
const MOST_ROUNDS = 5000;

/** The system of the missing pixels: diagonal - neighbours, symmetric and positive definite where any pixel is left. */
interface System {
  /** Sum of the weights of the neighbours that the picture has. */
  readonly diagonal: Float64Array;
  /** Neighbours of unknown u that are unknown: places starts[u]..starts[u+1]-1 of the next two. */
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly weights: Float64Array;
  /** [unknowns * C], what the known neighbours give. */
  readonly right: Float64Array;
}

function assemble(picture: Float32Array, removed: Int32Array, [H, W, C]: Shape): System {
  const indexOf = new Int32Array(H * W).fill(-1);
  removed.forEach((pixel, u) => {
    indexOf[pixel] = u;
  });
  const diagonal = new Float64Array(removed.length);
  const right = new Float64Array(removed.length * C);
  const starts = new Int32Array(removed.length + 1);
  const columns = new Int32Array(removed.length * AROUND.length);
  const weights = new Float64Array(columns.length);
  let used = 0;
  for (let u = 0; u < removed.length; u++) {
    const [h, w] = [Math.floor(removed[u] / W), removed[u] % W];
    for (const { row, column, weight } of AROUND) {
      if (h + row < 0 || h + row >= H || w + column < 0 || w + column >= W) continue;
      const pixel = (h + row) * W + w + column;
      diagonal[u] += weight;
      if (indexOf[pixel] >= 0) {
        columns[used] = indexOf[pixel];
        weights[used++] = weight;
      } else for (let c = 0; c < C; c++) right[u * C + c] += weight * picture[pixel * C + c];
    }
    starts[u + 1] = used;
  }
  return { diagonal, starts, columns, weights, right };
}

/** y = (diagonal - neighbours) x */
function multiply({ diagonal, starts, columns, weights }: System, x: Float64Array, y: Float64Array): void {
  for (let u = 0; u < x.length; u++) {
    let sum = diagonal[u] * x[u];
    for (let k = starts[u]; k < starts[u + 1]; k++) sum -= weights[k] * x[columns[k]];
    y[u] = sum;
  }
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** Conjugate gradients (Hestenes & Stiefel 1952) from `x`, which becomes the solution. */
function solve(system: System, right: Float64Array, x: Float64Array): void {
  const product = new Float64Array(x.length);
  multiply(system, x, product);
  const residual = right.map((value, u) => value - product[u]);
  const direction = residual.slice();
  let square = dot(residual, residual);
  const enough = TOLERANCE ** 2 * dot(right, right);
  for (let round = 0; round < MOST_ROUNDS && square > enough; round++) {
    multiply(system, direction, product);
    const step = square / dot(direction, product);
    for (let u = 0; u < x.length; u++) {
      x[u] += step * direction[u];
      residual[u] -= step * product[u];
    }
    const before = square;
    square = dot(residual, residual);
    for (let u = 0; u < x.length; u++) direction[u] = residual[u] + (square / before) * direction[u];
  }
}

/**
 * picture [H,W,C] with the `removed` pixels imputed, and normal noise of deviation `noise` added to them, without which a
 * network could tell from their smoothness where they were. Where no pixel is left there is nothing to guess from: the mean.
 */
export function impute(
  picture: Float32Array,
  removed: Int32Array,
  shape: Shape,
  { noise = 0, seed = 0, step = 0 }: { readonly noise?: number; readonly seed?: number; readonly step?: number } = {},
): Float32Array {
  const [H, W, C] = shape;
  const result = picture.slice();
  const system = assemble(picture, removed, shape);
  const bumps = noise > 0 ? normalNumbers(removed.length * C, { seed, stream: STREAM }, step) : undefined;
  for (let c = 0; c < C; c++) {
    let mean = 0;
    for (let pixel = 0; pixel < H * W; pixel++) mean += picture[pixel * C + c] / (H * W);
    const x = new Float64Array(removed.length).fill(mean);
    const right = Float64Array.from(x, (_, u) => system.right[u * C + c]);
    if (removed.length < H * W) solve(system, right, x);
    for (let u = 0; u < x.length; u++) result[removed[u] * C + c] = x[u] + (bumps ? noise * bumps[u * C + c] : 0);
  }
  return result;
}
