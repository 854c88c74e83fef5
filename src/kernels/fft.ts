// fft.ts: discrete Fourier transforms along one axis, unnormalized. Complex arrays end in an axis of 2: (re, im).
//
//   fft    X[k] = scale * sum over j of x[j] e^(-+ 2 pi i j k / n)          minus forward, plus inverse
//   rfft   the same of a real x, columns k = 0 .. floor(n/2) only; a column that stands for a conjugate pair (0 < k, 2k < n)
//          is multiplied by `interior`
//   irfft  x[j] = scale * sum over columns k of weight[k] Re(X[k] e^(+2 pi i j k / n)), weight = `interior` for such pairs,
//          1 for k = 0 and 2k = n, whose imaginary parts therefore have no effect
//
// NumPy's rfft has interior = 1, its irfft interior = 2 and scale = 1/n. With equal attributes rfft and irfft are each
// other's adjoints, which is all their gradients are.
//
// `fft`, `rfft` and `irfft` run as one plain sum of n terms. The lowering pass turns sizes that have small factors into
// `fftStage`s: Stockham's self-sorting algorithm (Govindaraju et al., "High performance discrete Fourier transforms on
// graphics processors", 2008, algorithm 1), one dispatch a factor. Roots of unity come as an input, computed on the host:
// sin and cos of WGSL would cost three digits.

import { normalizeAxis, sameShape, showShape, sizeOf } from './shape.ts';
import { defineOp, type OpDef, OpError, type Shape } from './types.ts';

/** What a transform reads: complex lines of n, real lines of n, or the floor(n/2)+1 columns of a Hermitian spectrum. */
export type FftLoad = 'complex' | 'real' | 'hermitian';
/** What it writes: complex lines, the real parts alone, or the columns 0 .. floor(n/2). */
export type FftStore = 'complex' | 'real' | 'half';

export interface Ends {
  readonly axis: number;
  /** Multiplies columns that stand for a conjugate pair. */
  readonly interior: number;
  readonly scale: number;
}
export interface FftAttrs {
  readonly axis: number;
  readonly inverse: boolean;
  readonly scale: number;
}
export type RfftAttrs = Ends;
export interface IrfftAttrs extends Ends {
  /** Length n of the result's axis; the spectrum does not tell even from odd. */
  readonly size: number;
}
export interface FftStageAttrs extends Ends {
  readonly inverse: boolean;
  readonly size: number;
  readonly radix: number;
  /** Product of the radices of the stages before. */
  readonly done: number;
  readonly load: FftLoad;
  readonly store: FftStore;
}

/** Columns of the half spectrum of n real numbers. */
export const halfSize = (n: number): number => Math.floor(n / 2) + 1;

const tables = new Map<number, { shape: Shape; data: Float32Array }>();

/** (cos, sin) of 2 pi t / n for t < n, [n, 2]; one tensor per n, so that graphs share its upload. */
export function rootsOfUnity(n: number): { readonly shape: Shape; readonly data: Float32Array } {
  let table = tables.get(n);
  if (!table) {
    const data = new Float32Array(2 * n);
    for (let t = 0; t < n; t++) {
      const [re, im] = root(t, n);
      data[2 * t] = re;
      data[2 * t + 1] = im;
    }
    table = { shape: [n, 2], data };
    tables.set(n, table);
  }
  return table;
}

const QUARTER_TURNS: readonly [number, number][] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];

/** e^(2 pi i t / n), exact at multiples of a quarter turn. */
export function root(t: number, n: number): [number, number] {
  const turned = (t % n) / n;
  if (Number.isInteger(4 * turned)) return QUARTER_TURNS[4 * turned];
  return [Math.cos(2 * Math.PI * turned), Math.sin(2 * Math.PI * turned)];
}

// --- shapes ------------------------------------------------------------------------------------------------------

/** A transform of lines of n: `outer` lines far apart, `inner` side by side. */
interface Lines {
  readonly n: number;
  readonly outer: number;
  readonly inner: number;
}

export function linesOf(x: Shape, n: number, axis: number, load: FftLoad): Lines {
  const after = sizeOf(x.slice(axis + 1));
  return { n, outer: sizeOf(x.slice(0, axis)), inner: load === 'real' ? after : after / 2 };
}

function resultShape(
  op: string,
  x: Shape,
  table: Shape,
  n: number,
  axis: number,
  load: FftLoad,
  store: FftStore,
): Shape {
  const axes = load === 'real' ? x : x.slice(0, -1);
  if (load !== 'real' && x[x.length - 1] !== 2) {
    throw new OpError(`${op}: x is ${showShape(x)}, but a complex array ends in an axis of 2 (re, im).`);
  }
  normalizeAxis(op, axis, axes.length);
  const expected = load === 'hermitian' ? halfSize(n) : n;
  if (!(n >= 1) || axes[axis] !== expected) {
    throw new OpError(
      `${op}: axis ${axis} of x ${showShape(x)} has ${axes[axis]} entries; a transform to size ${n} reads ${expected}. ` +
        'Give the size whose floor(size/2)+1 is that axis.',
    );
  }
  if (!sameShape(table, [n, 2])) {
    throw new OpError(
      `${op}: the roots of unity are ${showShape(table)}, expected ${showShape([n, 2])}: rootsOfUnity(${n}).`,
    );
  }
  const result = axes.map((d, k) => (k === axis ? (store === 'half' ? halfSize(n) : n) : d));
  return store === 'real' ? result : [...result, 2];
}

// --- kernels -----------------------------------------------------------------------------------------------------

/** Radices with a butterfly of their own in shaders/shared/butterfly.wgsl. */
export const BUTTERFLY_RADICES: readonly number[] = [2, 3, 4, 5, 7, 8];

/** The whole transform as one stage whose radix is the size. */
const whole = (attrs: Ends, size: number, inverse: boolean, load: FftLoad, store: FftStore): FftStageAttrs => ({
  axis: attrs.axis,
  interior: attrs.interior,
  scale: attrs.scale,
  inverse,
  size,
  radix: size,
  done: 1,
  load,
  store,
});

export const fftAsStage = (x: Shape, { axis, inverse, scale }: FftAttrs): FftStageAttrs =>
  whole({ axis, scale, interior: 1 }, x[axis], inverse, 'complex', 'complex');
export const rfftAsStage = (x: Shape, attrs: RfftAttrs): FftStageAttrs =>
  whole(attrs, x[attrs.axis], false, 'real', 'half');
export const irfftAsStage = (_: Shape, attrs: IrfftAttrs): FftStageAttrs =>
  whole(attrs, attrs.size, true, 'hermitian', 'real');

const transformOp = <A extends FftAttrs | RfftAttrs | IrfftAttrs>(
  op: string,
  asStage: (x: Shape, attrs: A) => FftStageAttrs,
) =>
  defineOp<A>({
    shape: ([x, table], attrs) => {
      const { size, axis, load, store } = asStage(x, attrs);
      return resultShape(op, x, table, size, axis, load, store);
    },
  });

export const fft = /* @__PURE__ */ transformOp<FftAttrs>('fft', fftAsStage);
export const rfft = /* @__PURE__ */ transformOp<RfftAttrs>('rfft', rfftAsStage);
export const irfft = /* @__PURE__ */ transformOp<IrfftAttrs>('irfft', irfftAsStage);

/** One factor of a transform; made by the lowering pass. */
export const fftStage: OpDef<FftStageAttrs> = {
  shape: ([x, table], { size, axis, radix, done, load, store }) => {
    if (size % (radix * done) !== 0) {
      throw new OpError(`fftStage: radix ${radix} after ${done} does not divide the size ${size}.`);
    }
    return resultShape('fftStage', x, table, size, axis, load, store);
  },
};
