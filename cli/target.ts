// target.ts: which class is explained: the one that --target names, or the likeliest.

import { type Device, findLabel, largestOf, type Model, Runner } from '../src/index.ts';
import { blameArguments } from './errors.ts';

/** The class that --target names; undefined where it is left out. */
export function givenClass(
  target: string | undefined,
  labels: readonly string[],
  { classes }: Model,
): number | undefined {
  try {
    return target === undefined ? undefined : findLabel(labels, target, classes);
  } catch (error) {
    return blameArguments(error);
  }
}

interface Picture {
  readonly size: readonly [number, number];
  /** [1,H,W,C], as the network takes it. */
  readonly data: Float32Array;
}

export async function likeliestClass(
  device: Device,
  model: Model,
  { size, data }: Picture,
  signal?: AbortSignal,
): Promise<number> {
  const runner = await Runner.create(device, model, [1, ...size, model.input.channels], [], { signal });
  try {
    return largestOf((await runner.run(data)).output.data, 1)[0];
  } finally {
    runner.dispose();
  }
}
