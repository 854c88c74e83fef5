// families.ts: where the kernels of every op are, and their loading. The kernels of a family are a module of their own, and so is
// the text of each shader that is not always needed: a page fetches those its programs run, and of the kinds of device only its own. Where everything
// is one file, as on the command line, they come from there.

import flatIndex from '../../shaders/shared/flat_index.wgsl';
import halves from '../../shaders/shared/halves.wgsl';
import heldEpilogue from '../../shaders/shared/held_epilogue.wgsl';
import './shared.ts';
import type { ConvAttrs } from './conv.ts';
import { type ElementwiseName, isElementwise, table } from './elementwise.ts';
import type { Attrs, KernelsOf, OpName } from './index.ts';
import type { DeviceTraits, Kernels } from './types.ts';

type DeviceKind = DeviceTraits['kind'];

/** The text of a WGSL file, or how it is loaded. */
type ShaderFile = string | (() => Promise<{ readonly default: string }>);

/** What the module of a family exports. */
interface Family<K extends OpName> {
  readonly kernels: KernelsOf<K>;
  /** The WGSL files that its kernels name: those that nearly every use of the family takes come along with it. */
  readonly shaders: Readonly<Record<string, ShaderFile>>;
  /** What these include, but for `COMMON`. */
  readonly includes?: Readonly<Record<string, string>>;
}
type Load<K extends OpName> = (kind: DeviceKind, attrs: Attrs<K>) => Promise<Family<K>>;

/** An op as far as its kernels depend on it: those of convolutions in groups are others. */
export interface LoadedOp {
  readonly op: OpName;
  readonly attrs: unknown;
}
const isGrouped = (attrs: unknown): boolean => ((attrs as Partial<ConvAttrs> | undefined)?.groups ?? 1) > 1;
const keyOf = ({ op, attrs }: LoadedOp): string => (isGrouped(attrs) ? `${op} in groups` : op);

const elementwise = () => import('./elementwise_kernels.ts');
const layout = () => import('./layout_kernels.ts');
const pad = () => import('./pad_kernels.ts');
const concat = () => import('./concat_kernels.ts');
const pool = () => import('./pool_kernels.ts');
const lrn = () => import('./lrn_kernels.ts');
const softmax = () => import('./softmax_kernels.ts');
const reduce = () => import('./reduce_kernels.ts');
const grouped = () => import('./conv_grouped.ts');
const conv = (kind: DeviceKind, attrs: ConvAttrs) => {
  if (isGrouped(attrs)) return grouped();
  return kind === 'gpu' ? import('./conv_gpu.ts') : import('./conv_software.ts');
};
const convInput = (kind: DeviceKind, attrs: ConvAttrs) => {
  if (isGrouped(attrs)) return grouped();
  return kind === 'gpu' ? import('./conv_gpu.ts') : import('./conv_input_software.ts');
};
const convFilter = (kind: DeviceKind, attrs: ConvAttrs) => {
  if (isGrouped(attrs)) return grouped();
  return kind === 'gpu' ? import('./conv_filter_kernels.ts') : import('./conv_filter_software.ts');
};
const winograd = () => import('./winograd_kernels.ts');
const matmul = (kind: DeviceKind) => (kind === 'gpu' ? import('./matmul_gpu.ts') : import('./matmul_software.ts'));
const sumParts = () => import('./sum_parts_kernels.ts');
const half = () => import('./half_kernels.ts');
const fft = () => import('./fft_kernels.ts');
const sample = () => import('./sample_kernels.ts');
const random = () => import('./random_kernels.ts');

type Loader =
  | typeof elementwise
  | typeof layout
  | typeof pad
  | typeof concat
  | typeof pool
  | typeof lrn
  | typeof softmax
  | typeof reduce
  | typeof conv
  | typeof convInput
  | typeof convFilter
  | typeof winograd
  | typeof matmul
  | typeof sumParts
  | typeof half
  | typeof fft
  | typeof sample
  | typeof random;
type KeysOf<T> = T extends unknown ? keyof T : never;
/** A WGSL file that the module of a family lists. */
export type ShaderName = KeysOf<Awaited<ReturnType<Loader>>['shaders']>;

/** The family of every op; those of the table of elementwise ops are all in one. */
const families: { readonly [K in Exclude<OpName, ElementwiseName>]: Load<K> } = {
  fused: elementwise,
  broadcastTo: elementwise,
  reshape: layout,
  transpose: layout,
  slice: layout,
  pad,
  concat,
  take: concat,
  takeInput: concat,
  maxPool: pool,
  maxPoolSwitches: pool,
  maxPoolInput: pool,
  maxPoolGather: pool,
  averagePool: pool,
  averagePoolInput: pool,
  lrn,
  lrnInput: lrn,
  softmax,
  logSoftmax: softmax,
  sum: reduce,
  reduceMax: reduce,
  conv2d: conv,
  conv2dInput: convInput,
  conv2dFilter: convFilter,
  winogradFilter: winograd,
  winogradInput: winograd,
  winogradProduct: winograd,
  winogradOutput: winograd,
  matmul,
  splitMatmul: matmul,
  sumParts,
  toHalf: half,
  fft,
  rfft: fft,
  irfft: fft,
  fftStage: fft,
  affineSample: sample,
  affineSampleInput: sample,
  randomUniform: random,
  randomNormal: random,
  randomAffine: random,
};

/** Files that shaders of most families include. */
const COMMON = { flat_index: flatIndex, halves, held_epilogue: heldEpilogue };

/** By `keyOf`. */
const loaded = { software: new Map<string, Kernels>(), gpu: new Map<string, Kernels>() };
const files = new Map<string, ShaderFile>();
const texts = new Map<string, string>(Object.entries(COMMON));

/** An import, with what to do where it fails. */
export async function fetched<T>(what: string, module: Promise<T>): Promise<T> {
  try {
    return await module;
  } catch (error) {
    throw new Error(`${what} could not be loaded; try again, or reload the page. (${(error as Error).message})`);
  }
}

export const areLoaded = (list: readonly LoadedOp[], kind: DeviceKind): boolean =>
  list.every((each) => loaded[kind].has(keyOf(each)));

/** Loads what `loadedKernels` of these ops needs, each family once. */
export async function loadKernels(list: Iterable<LoadedOp>, kind: DeviceKind): Promise<void> {
  const known = loaded[kind];
  const wanted = new Map([...list].map((each) => [keyOf(each), each]));
  const load = async ([key, { op, attrs }]: [string, LoadedOp]): Promise<void> => {
    const family = isElementwise(op)
      ? elementwise
      : (families[op] as (...what: [DeviceKind, unknown]) => Promise<unknown>);
    const module = await fetched(`The kernels of ${op}`, family(kind, attrs));
    const { kernels, shaders, includes = {} } = module as Family<OpName>;
    for (const [name, text] of Object.entries(includes)) texts.set(name, text);
    for (const [name, file] of Object.entries(shaders)) files.set(name, file);
    known.set(key, kernels[op] as Kernels);
  };
  await Promise.all([...wanted].filter(([key]) => !known.has(key)).map(load));
}

/** Loads the kernels of every op: for who looks at kernels without compiling a program. */
export const loadAllKernels = (kind: DeviceKind): Promise<void> =>
  loadKernels(
    ([...Object.keys(table), ...Object.keys(families)] as OpName[]).flatMap((op) =>
      [1, 2].map((groups) => ({ op, attrs: { groups } })),
    ),
    kind,
  );

/** Loads what `shaderSource` of these shaders needs. */
export async function loadShaders(names: Iterable<string>): Promise<void> {
  const missing = [...new Set(names)].filter((name) => !texts.has(name));
  const load = async (name: string): Promise<void> => {
    const file = files.get(name);
    if (!file)
      throw new Error(`shader ${name}: no module of kernels lists it; add it to the \`shaders\` of its family.`);
    texts.set(name, typeof file === 'string' ? file : (await fetched(`The shader ${name}`, file())).default);
  };
  await Promise.all(missing.map(load));
}

/** Ways to run an op, naive first. */
export function loadedKernels(op: LoadedOp, kind: DeviceKind): Kernels {
  const kernels = loaded[kind].get(keyOf(op));
  if (!kernels)
    throw new Error(`the kernels of ${keyOf(op)} are not loaded; await loadKernels of them for '${kind}' first.`);
  return kernels;
}

/** The text of `shaders/NAME.wgsl`, or of `shaders/shared/NAME.wgsl`. */
export function shaderSource(name: string): string {
  const text = texts.get(name);
  if (text === undefined) throw new Error(`shader ${name}: it is not loaded; await loadShaders(['${name}']) first.`);
  return text;
}

/** Names of the shaders of the families that are loaded. */
export const knownShaders = (): string[] => [...files.keys()];
