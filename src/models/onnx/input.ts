// input.ts: what a network takes in, as far as the file says.

import { ModelError } from '../error.ts';
import { shapeProblem } from './limits.ts';
import type { OnnxGraph } from './proto.ts';

export interface ModelInput {
  readonly name: string;
  readonly channels: number;
  /** Undefined where the file leaves the size open. */
  readonly height?: number;
  readonly width?: number;
  /** Undefined where the file leaves it open. A batch that the file fixes does not keep others from being traced. */
  readonly batch?: number;
  /** The file has [N,H,W,C] in place of [N,C,H,W]. Raw inputs of such a file lie that way too. */
  readonly channelsLast: boolean;
}

/** Colour, grey, colour with alpha. */
const isChannelCount = (size: number | string): size is number => typeof size === 'number' && size >= 1 && size <= 4;

/** Operators that take pictures [N,C,H,W] whatever the file calls them. */
const CHANNELS_FIRST = new Set(
  'Conv ConvTranspose MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool BatchNormalization InstanceNormalization LRN'.split(
    ' ',
  ),
);

/** Pictures are rarely that narrow: sizes up to here are channels rather than pixels. */
const FEW = 4;

/**
 * Whether the axes are [N,H,W,C]: only where the last one counts channels and the others cannot, and nothing reads the
 * input as [N,C,H,W].
 */
function isChannelsLast({ nodes }: OnnxGraph, name: string, shape: readonly (number | string)[]): boolean {
  const [, second, third, fourth] = shape;
  if (!isChannelCount(fourth) || isChannelCount(second)) return false;
  if (typeof third === 'number' && third > 0 && third <= FEW) return false; // [N,5,4,4]: five channels of 4x4
  return !nodes.some(({ op, inputs }) => inputs[0] === name && CHANNELS_FIRST.has(op));
}

export function describeInput(graph: OnnxGraph): ModelInput {
  const { inputs, initializers } = graph;
  // Files before IR version 4 list their weights among the inputs.
  const own = inputs.filter(({ name }) => !initializers.has(name));
  if (own.length !== 1) {
    const names = own.map(({ name }) => `"${name}"`).join(', ');
    throw new ModelError(
      own.length === 0
        ? 'it has no input. Export it again with the picture as input.'
        : `it has ${own.length} inputs (${names}) where one, the picture, is understood. Export it with one input.`,
    );
  }
  const [{ name, shape }] = own;
  if (shape?.length !== 4) {
    const has = shape ? `[${shape.map((d) => d || '?').join(',')}]` : 'no shape';
    throw new ModelError(
      `its input "${name}" has ${has} where a picture [N,C,H,W] is needed. Export it with such an input.`,
    );
  }
  const fixed = (size: number | string): number | undefined =>
    typeof size === 'number' && size > 0 ? size : undefined;
  const [batch, second, third, fourth] = shape;
  const channelsLast = isChannelsLast(graph, name, shape);
  const channels = fixed(channelsLast ? fourth : second);
  if (channels === undefined) {
    throw new ModelError(`its input "${name}" leaves the number of channels open. Export it with 1 or 3 channels.`);
  }
  const [height, width] = (channelsLast ? [second, third] : [third, fourth]).map(fixed);
  const problem = shapeProblem([1, channels, height ?? 1, width ?? 1]);
  if (problem) throw new ModelError(`its input "${name}" ${problem}. Export it with the sizes of a picture.`);
  return { name, channels, height, width, batch: fixed(batch), channelsLast };
}

/** So many characters of words about the input are read. */
export const SAID = 2000;

/** Networks for ImageNet take pictures of this size unless they say otherwise. */
const USUAL_SIZE = 224;

/** [height, width] that the network was made for: fixed, named in the metadata, or the usual one. */
export function nominalSizeOf(metadata: ReadonlyMap<string, string>, { height, width }: ModelInput): [number, number] {
  const said = /nominal ([1-9]\d{0,4})\s*[x×]\s*([1-9]\d{0,4})\b/.exec((metadata.get('input') ?? '').slice(0, SAID));
  const [h, w] = said ? [Number(said[1]), Number(said[2])] : (ownSize(metadata) ?? [USUAL_SIZE, USUAL_SIZE]);
  return [height ?? h, width ?? w];
}

/** The size in Facet's own metadata; whether the rest of that is in order is guess.ts's business. */
function ownSize(metadata: ReadonlyMap<string, string>): [number, number] | undefined {
  try {
    const { size } = JSON.parse(metadata.get('facet.preprocess') ?? '{}');
    return Array.isArray(size) && size.length === 2 && size.every((d) => Number.isInteger(d) && d > 0 && d < 1e5)
      ? [size[0], size[1]]
      : undefined;
  } catch {
    return undefined;
  }
}
