// tuning.ts: which variant of an op was measured to be the fastest on a device, as data that can be kept in a file, and the
// questions it answers. No GPU object appears here; the timing is in gpu/tune.ts.

import './shared.ts';
import { type LoadedOp, loadedKernels, loadKernels } from '../kernels/families.ts';
import type { OpName } from '../kernels/index.ts';
import { splitName, splitParts } from '../kernels/split_matmul.ts';
import type { DeviceTraits, Kernel, KernelContext, Shape } from '../kernels/types.ts';
import type { OpNode } from './graph.ts';
import { ROTATED } from './passes/rotate.ts';
import { winogradName, winogradTiles } from './passes/winograd.ts';
import type { Target } from './target.ts';

/** What was measured of one op at one set of shapes and attributes. */
export interface TunedOp {
  /** The one to take. */
  readonly variant: string;
  /** The one that the heuristics took when it was measured; older files do not say. */
  readonly usual?: string;
  /** `kernelsOf` the op when it was measured: with other kernels the measurement says nothing. */
  readonly kernels: string;
  /** Microseconds of one dispatch (of all of them, where a variant is several), by variant; the least of all rounds. */
  readonly micros: Readonly<Record<string, number>>;
}

/** What was measured on one device. Plain data: `JSON.stringify` keeps it, `readTuning` reads it. */
export interface Tuning {
  readonly format: typeof FORMAT;
  /** `deviceKey` of the device. */
  readonly device: string;
  /** By `opKey`. */
  readonly ops: Readonly<Record<string, TunedOp>>;
}

/** Another one where the same text would mean something else. */
const FORMAT = 1;

const ofConvolutions: readonly string[] = [...winogradTiles.map(winogradName), ROTATED];
/** Variants of an op that are other ops: a pass makes them where `Target.measured` answers with their name. */
export const loweredVariants: readonly string[] = [...ofConvolutions, ...splitParts.map(splitName)];

/** Those worth timing: a software adapter has no cores that would idle, so splitting gives it only more to add up. */
export const loweredVariantsFor = ({ kind }: DeviceTraits): readonly string[] =>
  kind === 'software' ? ofConvolutions : loweredVariants;

/** Answer of `measured` that keeps an op as the one dispatch it is, whichever of its kernels runs. */
export const DIRECT = 'direct';

export const emptyTuning = (device: string): Tuning => ({ format: FORMAT, device, ops: {} });

/** JSON with the members of objects in the order of their names: equal attributes give equal text. */
const stableText = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? '';

/** Names what is timed: op, shapes and attributes. An epilogue costs all variants about the same, so it is left out. */
export const opKey = (
  { op, attrs }: OpNode | { readonly op: string; readonly attrs: unknown },
  inputs: readonly Shape[],
): string => [op, ...inputs.map((shape) => `[${shape}]`), stableText(attrs)].join(' ');

/** What an `opKey` is of, but for its shapes. */
function opOfKey(key: string): LoadedOp {
  const attrs = /\{.*/.exec(key)?.[0];
  return { op: key.split(' ')[0] as OpName, attrs: attrs && JSON.parse(attrs) };
}

/** `Target.measured` that answers for one op alone: what a lowering makes of it is left to the heuristics, as where it runs. */
export const answerFor =
  (key: string, variant: string | undefined): NonNullable<Target['measured']> =>
  (node, inputs) =>
    opKey(node, inputs) === key ? variant : undefined;

/** The kernels among which a device chooses for an op, naive first; without its epilogue. They have to be loaded. */
export function kernelsFor(node: OpNode, inputs: readonly Shape[], device: DeviceTraits): Kernel[] {
  const context: KernelContext<unknown> = { inputs, attrs: node.attrs, output: node.shape, device };
  return loadedKernels(node, device.kind)(context);
}

/** FNV-1a, 32 bits, in hexadecimal. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Put in by the build: changes with any file in shaders/. */
declare const SHADERS_HASH: string | undefined;
const shadersHash = typeof SHADERS_HASH === 'string' ? SHADERS_HASH : '';

/** Whether it was measured with the shaders there are; what was measured with others chooses nothing. */
export const isCurrent = ({ kernels }: TunedOp): boolean => kernels.startsWith(`${shadersHash}-`);

/** A short text that changes with the variants of an op, with their grids, and with any shader file. */
export function kernelsOf(kernels: readonly Kernel[]): string {
  const forms = kernels.map(({ variant, shader, text, overrides, workgroups }) => [
    variant,
    shader,
    text,
    overrides,
    workgroups,
  ]);
  return `${shadersHash}-${hashOf(stableText(forms))}`;
}

/** `later` over `earlier`; of another device, `later` alone. */
export const mergeTunings = (earlier: Tuning | undefined, later: Tuning): Tuning =>
  earlier?.device === later.device ? { ...later, ops: { ...earlier.ops, ...later.ops } } : later;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTunedOp = (value: unknown): value is TunedOp =>
  isRecord(value) &&
  typeof value.variant === 'string' &&
  (value.usual === undefined || typeof value.usual === 'string') &&
  typeof value.kernels === 'string' &&
  isRecord(value.micros) &&
  Object.values(value.micros).every((micros) => typeof micros === 'number' && micros >= 0);

/** A tuning from the text of a file, or undefined where it is none. */
export function readTuning(text: string): Tuning | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value.format !== FORMAT || typeof value.device !== 'string' || !isRecord(value.ops)) {
    return undefined;
  }
  return Object.values(value.ops).every(isTunedOp) ? (value as unknown as Tuning) : undefined;
}

/** Variants by `opKey`, for every device of an architecture: what is known without measuring. */
export interface KnownChoices {
  readonly architecture: string;
  readonly variants: Readonly<Record<string, string>>;
}

/** What all devices of an architecture are to take was so many times as fast on the one that was tuned. */
const WORTH_KNOWING = 1.1;

/** What is known, with what a tuning of a device of this architecture says: clearly faster variants come in, others go. */
export function knownWith(known: readonly KnownChoices[], architecture: string, tuning: Tuning): KnownChoices[] {
  const variants: Record<string, string> = {};
  const before = known.find((choices) => choices.architecture === architecture)?.variants ?? {};
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(tuning.ops)])].sort()) {
    const tuned: TunedOp | undefined = tuning.ops[key];
    if (!tuned || !isCurrent(tuned)) {
      if (key in before) variants[key] = before[key];
      continue;
    }
    const { variant, usual = variant, micros } = tuned;
    if (variant !== usual && micros[usual] >= WORTH_KNOWING * micros[variant]) variants[key] = variant;
  }
  const others = known.filter((choices) => choices.architecture !== architecture);
  return Object.keys(variants).length > 0 ? [...others, { architecture, variants }] : others;
}

/**
 * `Target.measured`: answers from the tuning, then from what is known of such devices. An entry for other kernels, or of a
 * variant that there is no more, counts as none.
 */
export function answerFrom(
  tuning: Tuning | undefined,
  known: Readonly<Record<string, string>>,
  traits: DeviceTraits,
): NonNullable<Target['measured']> {
  const answers = new Map<string, string | undefined>();
  const find = (key: string, node: OpNode, inputs: readonly Shape[]): string | undefined => {
    const tuned = tuning?.ops[key];
    if (!tuned && !known[key]) return undefined;
    const kernels = kernelsFor(node, inputs, traits);
    const names = [...kernels.map(({ variant }) => variant), ...loweredVariants];
    const fresh = tuned && tuned.kernels === kernelsOf(kernels) ? tuned.variant : undefined;
    return [fresh, known[key]].find((name) => name !== undefined && names.includes(name));
  };
  return (node, inputs) => {
    const key = opKey(node, inputs);
    if (!answers.has(key)) answers.set(key, find(key, node, inputs));
    return answers.get(key);
  };
}

/** The same, with the kernels loaded that it looks into, and how many entries of the tuning still count. */
export async function loadAnswers(...[tuning, known, traits]: Parameters<typeof answerFrom>) {
  const keys = Object.keys({ ...tuning?.ops, ...known });
  await loadKernels(keys.map(opOfKey), traits.kind);
  return {
    measured: answerFrom(tuning, known, traits),
    tuned: Object.values(tuning?.ops ?? {}).filter(isCurrent).length,
  };
}
