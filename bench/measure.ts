// measure.ts: times the forms of one work against each other: in turns, so that a slow moment hits all of them, and by medians.

import { unlessAborted } from '../src/engine/abort.ts';
import { compile, type Device, DeviceError, DeviceLostError, OutOfMemoryError, type Program } from '../src/index.ts';
import { sizeOf } from '../src/kernels/shape.ts';
import { uniform } from './data.ts';
import type { Form, Ladder } from './ladder.ts';
import { spreadOf } from './statistics.ts';

export interface Timing {
  readonly rounds: number;
  /** For the rounds of one form: a slow one gets fewer, at least one. */
  readonly budgetMillis: number;
  /** A measurement is repeated within one submit until it lasts about this long, so that the clock resolves it. */
  readonly leastMillis: number;
}

export interface FormTime {
  readonly variant: string;
  /** Milliseconds of one run: the median, and the quartiles around it. Absent where it could not be run. */
  readonly millis?: number;
  readonly low?: number;
  readonly high?: number;
  readonly rounds: number;
  readonly dispatches?: number;
  /** Why it was not run. */
  readonly note?: string;
}

/** After a first run this long another one for warming up tells nothing new. */
const LONG_MILLIS = 700;
const MOST_REPEATS = 1000;

interface Contender {
  readonly form: Form;
  readonly program: Program;
  readonly samples: number[];
  repeats: number;
}

async function timeOnce(device: Device, program: Program, repeats: number, signal?: AbortSignal): Promise<number> {
  const start = performance.now();
  program.run(repeats);
  await unlessAborted(device.idle(), signal, () => undefined);
  return (performance.now() - start) / repeats;
}

const EVEN: NonNullable<Ladder['data']>[string] = (count) => uniform(4, count);

function fill(program: Program, { data = {} }: Ladder): void {
  for (const node of program.plan.graph.nodes) {
    if (node.kind === 'input') program.write(node.name, (data[node.name] ?? EVEN)(sizeOf(node.shape)));
  }
}

/** How long each form takes, in the order of the ladder. Throws the signal's reason when it aborts. */
export async function measure(
  device: Device,
  ladder: Ladder,
  timing: Timing,
  signal?: AbortSignal,
): Promise<FormTime[]> {
  const times: FormTime[] = [];
  // All of them at once where they fit into the memory together, else as many as do.
  while (times.length < ladder.forms.length) {
    times.push(...(await measureTogether(device, ladder, ladder.forms.slice(times.length), timing, signal)));
  }
  return times;
}

/** As many of the forms as fit, at least the first. */
async function measureTogether(
  device: Device,
  ladder: Ladder,
  forms: readonly Form[],
  timing: Timing,
  signal?: AbortSignal,
): Promise<FormTime[]> {
  const times: FormTime[] = [];
  const contenders: Contender[] = [];
  try {
    for (const form of forms) {
      try {
        const program = await open(device, ladder, form, signal);
        contenders.push({ form, program, samples: [], repeats: 1 });
        times.push({ variant: form.name, rounds: 0 });
      } catch (error) {
        if (error instanceof OutOfMemoryError && contenders.length > 0) break;
        // The taken one must run; of the others it is told why they are missing.
        if (!isRefused(error) || form.name === ladder.taken) throw error;
        times.push({ variant: form.name, rounds: 0, note: error.message });
      }
    }
    await takeTurns(device, ladder, contenders, timing, signal);
    const known = new Map(contenders.map((contender) => [contender.form.name, contender]));
    return times.map((time) => {
      const contender = known.get(time.variant);
      if (!contender) return time;
      const { median: millis, low, high, count } = spreadOf(contender.samples);
      return { variant: time.variant, millis, low, high, rounds: count, dispatches: contender.program.steps.length };
    });
  } finally {
    // After an abort the process ends, and what still runs on the device with it.
    if (!signal?.aborted) for (const { program } of contenders) program.dispose();
  }
}

async function takeTurns(
  device: Device,
  ladder: Ladder,
  contenders: readonly Contender[],
  { rounds, budgetMillis, leastMillis }: Timing,
  signal?: AbortSignal,
): Promise<void> {
  for (const contender of contenders) {
    const { program, samples } = contender;
    fill(program, ladder);
    const first = await timeOnce(device, program, 1, signal);
    if (first > LONG_MILLIS) samples.push(first);
    else {
      const millis = await timeOnce(device, program, 1, signal);
      contender.repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(leastMillis / Math.max(millis, 0.01))));
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { program, samples, repeats } of round % 2 === 0 ? contenders : [...contenders].reverse()) {
      const spent = samples.reduce((sum, millis) => sum + millis * repeats, 0);
      if (samples.length >= rounds || (samples.length > 0 && spent >= budgetMillis)) continue;
      samples.push(await timeOnce(device, program, repeats, signal));
    }
  }
}

const isRefused = (error: unknown): error is DeviceError =>
  error instanceof DeviceError && !(error instanceof DeviceLostError);

const open = (device: Device, { name }: Ladder, { computation, choose }: Form, signal?: AbortSignal) =>
  // The passes have run already.
  compile(device, computation, { label: `bench, ${name}`, optimize: false, choose, signal });
