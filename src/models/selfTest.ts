// selfTest.ts: whether a network gives here what it gave elsewhere. A file can carry expected logits in its metadata, for
// an input that a formula makes; the ONNX model zoo lays inputs and outputs beside the file. Both are run and compared.

import { computation, Graph, type Tensor } from '../engine/graph.ts';
import type { Device } from '../engine/gpu/device.ts';
import { interpret } from '../engine/interpret.ts';
import { sizeOf } from '../kernels/shape.ts';
import { ModelError } from './error.ts';
import type { Model } from './model.ts';
import { appendMetadata } from './onnx/export.ts';
import { fromFileLayout } from './onnx/layout.ts';
import { decodeTensor } from './onnx/proto.ts';
import { Runner } from './run.ts';

/**
 * Metadata key of a stored self-test, as JSON {size: [H, W], range: [low, high], logits: [...], by}: the logits for the
 * input of `patternInput`, and who computed them.
 */
export const SELF_TEST_KEY = 'facet.selftest';

/** An input and what the network is expected to make of it. */
export interface SelfTest {
  /** Who says what is expected, or the file that does. */
  readonly source: string;
  /** Network input [N,H,W,C], preprocessed. */
  readonly input: Tensor;
  /** In the layout of the file. */
  readonly expected: ArrayLike<number>;
  /** What is compared: the logits, or the output that the file names (they differ where it ends in a softmax). */
  readonly of: 'logits' | 'output';
  /** Largest difference that counts as agreement, as a share of the largest expected magnitude. */
  readonly tolerance: number;
}

export interface SelfTestResult {
  readonly source: string;
  readonly agrees: boolean;
  /** NaN where the network gives NaN. */
  readonly maxDifference: number;
  /** Largest difference that counts as agreement. */
  readonly allowed: number;
}

/** Float32 on any device against float64: rounding over a hundred layers stays a tenth of this. */
const STORED_TOLERANCE = 1e-4;
/** The zoo's outputs are float32 of other runtimes; its own checks allow as much. */
const ZOO_TOLERANCE = 1e-3;

/**
 * The input of a stored self-test, [1,H,W,C]. Element i of the file's layout ([C,H,W] in most files) is
 * low + (high - low) * frac(i * 2654435761 / 2^32): the multiples of the golden ratio, which fill the range evenly.
 */
export function patternInput(
  { input }: Pick<Model, 'input'>,
  [H, W]: readonly [number, number],
  [low, high]: readonly [number, number],
): Tensor {
  const { channels: C, channelsLast } = input;
  const data = Float32Array.from(
    { length: C * H * W },
    (_, i) => low + (high - low) * ((Math.imul(i, 2654435761) >>> 0) / 2 ** 32),
  );
  return fromFileLayout(data, channelsLast ? 'plain' : 'nhwc', channelsLast ? [1, H, W, C] : [1, C, H, W]);
}

const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);

/** The self-test that the file carries, undefined where it carries none. Throws where what it carries makes no sense. */
export function storedSelfTest(model: Model): SelfTest | undefined {
  const json = model.metadata.get(SELF_TEST_KEY);
  if (json === undefined) return undefined;
  const refuse = (why: string): never => {
    throw new ModelError(`model "${model.name}" carries a self-test (${SELF_TEST_KEY}) that ${why}. Export it again.`);
  };
  let stored: { size?: unknown; range?: unknown; logits?: unknown; by?: unknown };
  try {
    stored = Object(JSON.parse(json));
  } catch {
    return refuse('is no JSON');
  }
  const { size, range, logits, by } = stored;
  if (!isPair(size) || !size.every((side) => Number.isInteger(side) && side > 0)) return refuse('lacks the size [H,W]');
  const { height = size[0], width = size[1] } = model.input;
  if (size[0] !== height || size[1] !== width) return refuse(`is for ${size[0]}x${size[1]}, not ${height}x${width}`);
  if (!isPair(range)) return refuse('lacks the range [low,high] of its input');
  if (!Array.isArray(logits) || logits.length !== model.classes || !logits.every(Number.isFinite))
    return refuse(`does not hold ${model.classes} logits`);
  return {
    source: `the logits stored in the file${typeof by === 'string' ? ` (${by})` : ''}`,
    input: patternInput(model, size, range),
    expected: logits,
    of: 'logits',
    tolerance: STORED_TOLERANCE,
  };
}

/** A self-test from the zoo's files: TensorProtos of the input and of the output that the file names. */
export function zooSelfTest(model: Model, source: string, inputPb: Uint8Array, outputPb: Uint8Array): SelfTest {
  const input = decodeTensor(inputPb, `${source}, the input`);
  const expected = decodeTensor(outputPb, `${source}, the output`);
  const { channels, height, width, channelsLast } = model.input;
  const [, ...sizes] = input.shape;
  const wanted = channelsLast ? [height, width, channels] : [channels, height, width];
  if (input.shape.length !== 4 || wanted.some((size, axis) => (size ?? sizes[axis]) !== sizes[axis])) {
    throw new ModelError(
      `${source} has an input [${input.shape}], model "${model.name}" takes [N,${wanted.map((size) => size ?? '?')}]. ` +
        'It belongs to another model.',
    );
  }
  return {
    source,
    input: fromFileLayout(Float32Array.from(input.data), channelsLast ? 'plain' : 'nhwc', input.shape),
    expected: expected.data,
    of: 'output',
    tolerance: ZOO_TOLERANCE,
  };
}

/** Runs a self-test, by default the one that the file carries; undefined where there is none. */
export async function selfTest(
  device: Device,
  model: Model,
  test: SelfTest | undefined = storedSelfTest(model),
): Promise<SelfTestResult | undefined> {
  if (!test) return undefined;
  const names = test.of === 'output' ? [model.outputName] : [];
  const runner = await Runner.create(device, model, test.input.shape, names);
  try {
    const { output, layers } = await runner.run(Float32Array.from(test.input.data));
    return compare(test, (layers.get(model.outputName) ?? output).data);
  } finally {
    runner.dispose();
  }
}

function compare({ source, expected, tolerance }: SelfTest, actual: ArrayLike<number>): SelfTestResult {
  if (actual.length !== expected.length)
    throw new ModelError(`${source} holds ${expected.length} numbers, the network gives ${actual.length}.`);
  let [magnitude, maxDifference] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    // Written so that a NaN is kept, not passed over.
    if (!(difference <= maxDifference)) maxDifference = difference;
    if (Number.isNaN(maxDifference)) break;
    magnitude = Math.max(magnitude, Math.abs(expected[i]));
  }
  const allowed = tolerance * magnitude;
  return { source, agrees: maxDifference <= allowed, maxDifference, allowed };
}

/** The logits of a model for an input [1,H,W,C], by the float64 references of the ops: slow, and apart from any GPU. */
export function referenceLogits(model: Model, input: Tensor): Float64Array {
  const { output } = model.trace(new Graph().input('x', input.shape));
  if (sizeOf(output.shape) !== model.classes) throw new ModelError(`model "${model.name}" gives no row of logits.`);
  return Float64Array.from(interpret(computation({ output }), { x: input.data }).outputs.output.data);
}

/** The file with a self-test in its metadata: logits of the float64 reference. All that it holds stays as it is. */
export function withSelfTest(bytes: Uint8Array, model: Model): Uint8Array {
  if (model.metadata.has(SELF_TEST_KEY)) throw new ModelError(`model "${model.name}" carries a self-test already.`);
  const { range, mean, std } = model.preprocess;
  // The span of a picture's first channel in the network's own units, roughly: the stored numbers are what counts.
  const [low, high] = range.map((end) => Number(((end - mean[0]) / std[0]).toPrecision(3)));
  const span: [number, number] = [low, high];
  const size = model.nominalSize;
  const logits = referenceLogits(model, patternInput(model, size, span));
  const stored = {
    size,
    range: span,
    logits: Array.from(logits, (value) => Number(value.toPrecision(DIGITS))),
    by: "Facet's float64 reference",
  };
  return appendMetadata(bytes, SELF_TEST_KEY, JSON.stringify(stored));
}

/** More than float32 has. */
const DIGITS = 9;
