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

import { grid1d, normalizeAxis, sameShape, showShape, sizeOf } from './shape.ts';
import { type Cost, defineOp, type Kernel, type KernelContext, type NdArray, OpError, type Shape } from './types.ts';

/** What a transform reads: complex lines of n, real lines of n, or the floor(n/2)+1 columns of a Hermitian spectrum. */
export type FftLoad = 'complex' | 'real' | 'hermitian';
/** What it writes: complex lines, the real parts alone, or the columns 0 .. floor(n/2). */
export type FftStore = 'complex' | 'real' | 'half';

interface Ends {
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
function root(t: number, n: number): [number, number] {
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

function linesOf(x: Shape, n: number, axis: number, load: FftLoad): Lines {
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

// --- meaning -----------------------------------------------------------------------------------------------------

/** True for columns that stand for themselves and their conjugate. */
const isPaired = (k: number, n: number): boolean => k > 0 && 2 * k !== n;

type Transform = (re: Float64Array, im: Float64Array) => [Float64Array, Float64Array];

/** Reads every line as complex numbers, transforms it, writes what `store` asks for. */
function eachLine(
  x: NdArray,
  n: number,
  load: FftLoad,
  store: FftStore,
  ends: Ends,
  transform: Transform,
  output: Shape,
) {
  const { outer, inner } = linesOf(x.shape, n, ends.axis, load);
  const y = new Float64Array(sizeOf(output));
  const half = halfSize(n);
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < inner; c++) {
      const re = new Float64Array(n);
      const im = new Float64Array(n);
      for (let j = 0; j < n; j++) {
        if (load === 'real') re[j] = x.data[(o * n + j) * inner + c];
        else if (load === 'complex') {
          re[j] = x.data[2 * ((o * n + j) * inner + c)];
          im[j] = x.data[2 * ((o * n + j) * inner + c) + 1];
        } else {
          const k = Math.min(j, n - j);
          const at = 2 * ((o * half + k) * inner + c);
          re[j] = isPaired(k, n) ? (ends.interior / 2) * x.data[at] : x.data[at];
          im[j] = isPaired(k, n) ? (ends.interior / 2) * x.data[at + 1] * (j < half ? 1 : -1) : 0;
        }
      }
      const [a, b] = transform(re, im);
      const count = store === 'half' ? half : n;
      for (let k = 0; k < count; k++) {
        const at = (o * count + k) * inner + c;
        if (store === 'real') y[at] = ends.scale * a[k];
        else {
          const weight = store === 'half' && isPaired(k, n) ? ends.interior : 1;
          y[2 * at] = ends.scale * weight * a[k];
          y[2 * at + 1] = store === 'half' && !isPaired(k, n) ? 0 : ends.scale * weight * b[k];
        }
      }
    }
  }
  return y;
}

/** The definition: n sums of n terms. */
const dft =
  (n: number, inverse: boolean): Transform =>
  (re, im) => {
    const a = new Float64Array(n);
    const b = new Float64Array(n);
    const roots = Array.from({ length: n }, (_, t) => root(inverse ? t : (n - t) % n, n));
    for (let k = 0; k < n; k++) {
      for (let j = 0; j < n; j++) {
        const [cos, sin] = roots[(j * k) % n];
        a[k] += re[j] * cos - im[j] * sin;
        b[k] += re[j] * sin + im[j] * cos;
      }
    }
    return [a, b];
  };

/** One stage: sums of `radix` terms that lie n/radix apart. */
const stage =
  ({ size: n, radix, done, inverse }: FftStageAttrs): Transform =>
  (re, im) => {
    const a = new Float64Array(n);
    const b = new Float64Array(n);
    const groups = n / radix;
    for (let j = 0; j < groups; j++) {
      const k = j % done;
      for (let q = 0; q < radix; q++) {
        const to = (j - k) * radix + k + q * done;
        for (let s = 0; s < radix; s++) {
          const turns = s * (k + q * done) * (groups / done);
          const [cos, sin] = root(inverse ? turns : (n - (turns % n)) % n, n);
          a[to] += re[j + s * groups] * cos - im[j + s * groups] * sin;
          b[to] += re[j + s * groups] * sin + im[j + s * groups] * cos;
        }
      }
    }
    return [a, b];
  };

// --- kernels -----------------------------------------------------------------------------------------------------

/** Radices with a butterfly of their own in shaders/shared/butterfly.wgsl. */
export const BUTTERFLY_RADICES: readonly number[] = [2, 3, 4, 5, 7, 8];
const WORKGROUP = 64;

function stageKernels(attrs: FftStageAttrs, { inputs, device }: KernelContext<unknown>): Kernel[] {
  const { size: n, radix, done, load, store } = attrs;
  const { outer, inner } = linesOf(inputs[0], n, attrs.axis, load);
  const ends = {
    LOAD_REAL: load === 'real',
    LOAD_HERMITIAN: load === 'hermitian',
    STORE_REAL: store === 'real',
    STORE_HALF: store === 'half',
    X_TYPE: load === 'real' ? 'f32' : 'vec2f',
    Y_TYPE: store === 'real' ? 'f32' : 'vec2f',
  };
  const uniforms = {
    size: n,
    columns: halfSize(n),
    groups: n / radix,
    done,
    inner,
    direction: attrs.inverse ? 1 : -1,
    scale: attrs.scale,
    interior: attrs.interior,
  };
  const rows = store === 'half' ? halfSize(n) : n;
  const plain: Kernel = {
    variant: 'naive',
    shader: 'fft_direct',
    text: { ...ends, DIRECT: true, WORKGROUP },
    uniforms: { ...uniforms, count: outer * rows * inner, radix, rows },
    workgroups: grid1d(outer * rows * inner, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  if (!BUTTERFLY_RADICES.includes(radix)) return [plain];
  const count = outer * (n / radix) * inner;
  const butterfly: Kernel = {
    variant: 'butterfly',
    shader: 'fft_butterfly',
    text: {
      ...ends,
      DIRECT: false,
      WORKGROUP,
      RADIX: radix,
      ...Object.fromEntries(BUTTERFLY_RADICES.map((r) => [`RADIX_${r}`, r === radix])),
    },
    uniforms: { ...uniforms, count },
    workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  return [plain, butterfly];
}

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

/** A multiply-add of complex numbers. */
const COMPLEX_FLOPS = 8;

const costOf = (inputs: readonly Shape[], { radix }: FftStageAttrs, output: Shape): Cost => ({
  flops: sizeOf(output) * radix * (COMPLEX_FLOPS / 2),
  bytes: 4 * (inputs.reduce((sum, s) => sum + sizeOf(s), 0) + sizeOf(output)),
  terms: 2 * radix,
});

const transformOp = <A extends FftAttrs | RfftAttrs | IrfftAttrs>(
  op: string,
  asStage: (x: Shape, attrs: A) => FftStageAttrs,
) =>
  defineOp<A>({
    shape: ([x, table], attrs) => {
      const { size, axis, load, store } = asStage(x, attrs);
      return resultShape(op, x, table, size, axis, load, store);
    },
    reference: ([x], attrs, output) => {
      const s = asStage(x.shape, attrs);
      return eachLine(x, s.size, s.load, s.store, s, dft(s.size, s.inverse), output);
    },
    cost: (inputs, attrs, output) => costOf(inputs, asStage(inputs[0], attrs), output),
    kernels: (context) => [stageKernels(asStage(context.inputs[0], context.attrs), context)[0]],
  });

export const fft = transformOp<FftAttrs>('fft', fftAsStage);
export const rfft = transformOp<RfftAttrs>('rfft', rfftAsStage);
export const irfft = transformOp<IrfftAttrs>('irfft', irfftAsStage);

/** One factor of a transform; made by the lowering pass. */
export const fftStage = defineOp<FftStageAttrs>({
  shape: ([x, table], { size, axis, radix, done, load, store }) => {
    if (size % (radix * done) !== 0) {
      throw new OpError(`fftStage: radix ${radix} after ${done} does not divide the size ${size}.`);
    }
    return resultShape('fftStage', x, table, size, axis, load, store);
  },
  reference: ([x], attrs, output) => eachLine(x, attrs.size, attrs.load, attrs.store, attrs, stage(attrs), output),
  cost: costOf,
  kernels: (context) => stageKernels(context.attrs, context),
});
