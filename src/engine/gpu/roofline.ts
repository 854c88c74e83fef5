// roofline.ts: measures what the device can do at most: multiply-adds without memory, copying without arithmetic, and
// dispatches without either. Once a device; it takes about a second.

import limitCopy from '../../../shaders/limit_copy.wgsl';
import limitMultiplyAdd from '../../../shaders/limit_multiply_add.wgsl';
import type { MeasuredRoofline, Roofline } from '../roofline.ts';
import { expandShader } from '../wgsl.ts';
import type { Connection } from './connection.ts';
import type { Device } from './device.ts';
import { repeatsFor, LapTimer, type Timed } from './lapTimer.ts';

/** A work at the limit of something, ready to be encoded. */
interface Limit {
  readonly name: string;
  readonly flops: number;
  /** Read and written. */
  readonly bytes: number;
  encode(encoder: GPUCommandEncoder): void;
  dispose(): void;
}

interface ShaderLimit extends Limit, Timed {
  encode(encoder: GPUCommandEncoder | GPUComputePassEncoder): void;
}

// As in limit_multiply_add.wgsl.
const MULTIPLY_ADD_WORKGROUP = 64;
const LANES = 4;

/** Chains of sums, and terms added to each in a round of the loop. */
const MULTIPLY_ADD_FORMS = {
  /** As many sums as a small kernel carries. A software adapter masks all of them at each round, and has no registers for so many. */
  loop: { CHAINS: 8, UNROLL: 4 },
  /** Little but multiply-adds is left. */
  peak: { CHAINS: 2, UNROLL: 32 },
} as const;

export type MultiplyAddForm = keyof typeof MULTIPLY_ADD_FORMS;

/** Invocations that fill the device, and rounds that take it some milliseconds at most. */
const MULTIPLY_ADDS = {
  software: { invocations: 2 ** 12, rounds: 64 },
  gpu: { invocations: 2 ** 18, rounds: 128 },
};

// As in limit_copy.wgsl.
const COPY_WORKGROUP = 256;
const VEC4_BYTES = 16;

/** Bytes copied: more than a cache holds, on a GPU too. */
const COPY_BYTES = { software: 2 ** 24, gpu: 2 ** 28 };

/** Parts that they are copied in, one a dispatch, round and round: short enough to find a moment without other work. */
const COPY_PARTS = { software: 8, gpu: 1 };

/** What one invocation copies, in vec4s: which is best differs from device to device, so the best counts. */
const COPY_ROUNDS = [1, 4, 16];

const isPass = (encoder: GPUCommandEncoder | GPUComputePassEncoder): encoder is GPUComputePassEncoder =>
  'dispatchWorkgroups' in encoder;

/** What `make` makes of things that were made before; where it fails, they are freed. */
async function orFree<T>(free: () => void, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    free();
    throw error;
  }
}

/** One dispatch with uniforms of its own. */
async function shaderLimit(
  connection: Connection,
  { name, code, uniforms, buffers, workgroups, parts = 1, ...cost }: ShaderLimitOptions,
): Promise<ShaderLimit> {
  const { gpu } = connection;
  const pipeline = await connection.pipeline(name, code, buffers.length - 1);
  const params = connection.createBuffer(`${name}: uniforms`, 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  gpu.queue.writeBuffer(params, 0, Uint32Array.from(uniforms));
  const bindGroups = Array.from({ length: parts }, (_, part) =>
    gpu.createBindGroup({
      layout: connection.bindGroupLayout(buffers.length - 1),
      entries: [
        { binding: 0, resource: { buffer: params } },
        ...buffers.map((buffer, k) => {
          const size = buffer.size / parts;
          return { binding: k + 1, resource: { buffer, offset: part * size, size } };
        }),
      ],
    }),
  );
  let next = 0;
  return {
    name,
    ...cost,
    encode(encoder) {
      const pass = isPass(encoder) ? encoder : encoder.beginComputePass({ label: name });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroups[next++ % parts]);
      pass.dispatchWorkgroups(workgroups);
      if (pass !== encoder) pass.end();
    },
    dispose: () => connection.destroyBuffer(params),
  };
}

interface ShaderLimitOptions {
  readonly name: string;
  readonly code: string;
  readonly uniforms: readonly number[];
  /** The output, then inputs. */
  readonly buffers: readonly GPUBuffer[];
  readonly workgroups: number;
  /** Each dispatch sees one of so many parts of the buffers, in turns. */
  readonly parts?: number;
  /** Of one dispatch. */
  readonly flops: number;
  readonly bytes: number;
}

/** Multiply-adds on numbers that the invocations have. */
async function multiplyAdds(
  device: Device,
  form: MultiplyAddForm,
  rounds: number,
  invocations: number,
): Promise<ShaderLimit> {
  const { connection } = device;
  const { CHAINS, UNROLL } = MULTIPLY_ADD_FORMS[form];
  const y = connection.createBuffer('multiply-add: y', 4 * invocations, GPUBufferUsage.STORAGE);
  const free = () => connection.destroyBuffer(y);
  const limit = await orFree(free, () =>
    shaderLimit(connection, {
      name: `multiply-adds, ${form} (limit of arithmetic)`,
      code: expandShader('limit_multiply_add', limitMultiplyAdd, { CHAINS, UNROLL }),
      uniforms: [rounds],
      buffers: [y],
      workgroups: invocations / MULTIPLY_ADD_WORKGROUP,
      flops: 2 * invocations * LANES * CHAINS * UNROLL * rounds,
      bytes: 4 * invocations,
    }),
  );
  const dispose = () => {
    limit.dispose();
    free();
  };
  return { ...limit, dispose };
}

/** What the limits of arithmetic are measured by, for who times it beside something else. */
export function multiplyAddLimit(device: Device, form: MultiplyAddForm): Promise<ShaderLimit> {
  const { rounds, invocations } = MULTIPLY_ADDS[device.traits.kind];
  return multiplyAdds(device, form, rounds, invocations);
}

/** A large buffer copied into another by the device itself. */
function copyLimit(device: Device): Limit {
  const { connection } = device;
  const bytes = copyBytes(device);
  const from = connection.createBuffer('copy: from', bytes, GPUBufferUsage.COPY_SRC);
  const to = connection.createBuffer('copy: to', bytes, GPUBufferUsage.COPY_DST);
  return {
    name: 'copy of a buffer (limit of memory)',
    flops: 0,
    bytes: 2 * bytes,
    encode: (encoder) => encoder.copyBufferToBuffer(from, 0, to, 0, bytes),
    dispose() {
      connection.destroyBuffer(from);
      connection.destroyBuffer(to);
    },
  };
}

/** The four buffers of both kinds of copy together take no more than a quarter of the budget. */
function copyBytes({ traits, budgetBytes, maxBufferBytes }: Device): number {
  const most = Math.min(COPY_BYTES[traits.kind], maxBufferBytes, budgetBytes / 16);
  return Math.max(COPY_WORKGROUP * VEC4_BYTES, 2 ** Math.floor(Math.log2(most)));
}

/** The same copy by a kernel, in several ways. */
async function kernelCopies(device: Device): Promise<{ limits: ShaderLimit[]; dispose(): void }> {
  const { connection } = device;
  const bytes = copyBytes(device);
  const usage = GPUBufferUsage.STORAGE;
  const buffers = ['y', 'x'].map((name) => connection.createBuffer(`kernel copy: ${name}`, bytes, usage));
  const { kind, maxWorkgroupsPerDimension: most } = device.traits;
  const parts = bytes === COPY_BYTES[kind] ? COPY_PARTS[kind] : 1;
  const limits: ShaderLimit[] = [];
  const dispose = () => {
    for (const limit of limits) limit.dispose();
    for (const buffer of buffers) connection.destroyBuffer(buffer);
  };
  for (const rounds of COPY_ROUNDS) {
    const stride = bytes / parts / VEC4_BYTES / rounds;
    const workgroups = stride / COPY_WORKGROUP;
    if (workgroups > most || !Number.isInteger(workgroups)) continue;
    const limit = await orFree(dispose, () =>
      shaderLimit(connection, {
        name: 'copy by a kernel',
        code: expandShader('limit_copy', limitCopy),
        uniforms: [stride, rounds],
        buffers,
        workgroups,
        parts,
        flops: 0,
        bytes: (2 * bytes) / parts,
      }),
    );
    limits.push(limit);
  }
  return { limits, dispose };
}

const measured = new WeakMap<Device, Promise<Roofline>>();

/**
 * The limits of a device: measured when first asked for, then remembered. `again` measures once more, and takes the better of
 * both: a device that does other work at the same time shows less than it can.
 */
export function measureRoofline(device: Device, again = false): Promise<Roofline> {
  const known = measured.get(device);
  if (known && !again) return known;
  const roofline = device.retry(async () => better(await measure(device, SAMPLES), await known));
  measured.set(device, roofline);
  // What was known stays known.
  roofline.catch(() => (known ? measured.set(device, known) : measured.delete(device)));
  return roofline;
}

/** The limits of a device, measured in rounds beside other measurements: a moment without other work is found sooner. */
export class RooflineRounds {
  private readonly rounds: Limits[] = [];

  constructor(private readonly device: Device) {}

  /** The first of a device takes about a second, the others a fraction of that. */
  async round(): Promise<void> {
    const { device } = this;
    const known = measured.get(device);
    if (!known) {
      this.rounds.push(await measureRoofline(device));
      return;
    }
    const best = await known;
    const found = await measure(device, ROUND_SAMPLES, best);
    measured.set(device, Promise.resolve(better(found, best)));
    this.rounds.push(found);
  }

  /** The best of all rounds, those before this object among them, and the worst of its own. */
  async result(): Promise<MeasuredRoofline> {
    const { rounds } = this;
    return {
      ...(await measureRoofline(this.device)),
      rounds: rounds.length,
      worst: {
        flopsPerSecond: Math.min(...rounds.map(({ flopsPerSecond }) => flopsPerSecond)),
        bytesPerSecond: Math.min(...rounds.map(({ bytesPerSecond }) => bytesPerSecond)),
        dispatchMicros: Math.max(...rounds.map(({ dispatchMicros }) => dispatchMicros)),
      },
    };
  }
}

type Limits = MeasuredRoofline['worst'];

const better = (a: Roofline, b = a): Roofline => ({
  flopsPerSecond: Math.max(a.flopsPerSecond, b.flopsPerSecond),
  loopFlopsPerSecond: Math.max(a.loopFlopsPerSecond, b.loopFlopsPerSecond),
  bytesPerSecond: Math.max(a.bytesPerSecond, b.bytesPerSecond),
  copyBytesPerSecond: Math.max(a.copyBytesPerSecond, b.copyBytesPerSecond),
  dispatchMicros: Math.min(a.dispatchMicros, b.dispatchMicros),
});

/** A limit is the best of so many measurements, each lasting about so long: many short ones find a moment without other work. */
const SAMPLES = 12;
const ROUND_SAMPLES = 5;
const SPAN_MICROS = 4000;

/** With `known` given, what is no limit is not measured again. */
async function measure(device: Device, samples: number, known?: Roofline): Promise<Roofline> {
  const { connection } = device;
  const held: { dispose(): void }[] = [];
  const hold = <T extends { dispose(): void }>(one: T): T => {
    held.push(one);
    return one;
  };
  try {
    const timer = hold(await LapTimer.open(connection));
    const loop = hold(await multiplyAddLimit(device, 'loop'));
    const peak = hold(await multiplyAddLimit(device, 'peak'));
    const nothing = hold(await multiplyAdds(device, 'loop', 0, MULTIPLY_ADD_WORKGROUP));
    const copies = hold(await kernelCopies(device));
    const works = [loop, peak, nothing, ...copies.limits];
    const [loopMicros, peakMicros, dispatchMicros, ...copyMicros] = await bestOf(timer, works, samples);
    const loopFlopsPerSecond = (1e6 * loop.flops) / loopMicros;
    return {
      flopsPerSecond: Math.max(loopFlopsPerSecond, (1e6 * peak.flops) / peakMicros),
      loopFlopsPerSecond,
      bytesPerSecond: (1e6 * copies.limits[0].bytes) / Math.min(...copyMicros),
      copyBytesPerSecond: known?.copyBytesPerSecond ?? (await deviceCopy(device)),
      dispatchMicros,
    };
  } catch (error) {
    throw await connection.explain(error);
  } finally {
    for (const one of held) one.dispose();
  }
}

/** Microseconds of one run of each. */
async function bestOf(timer: LapTimer, works: readonly ShaderLimit[], samples: number): Promise<number[]> {
  const best: number[] = [];
  for (const work of works) {
    let repeats = 1;
    let least = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < samples; ) {
      const [micros] = await timer.time([{ work, repeats }]);
      const next = repeatsFor(SPAN_MICROS, repeats, micros, timer.grainMicros);
      if (next > 2 * repeats) {
        repeats = next; // a run too short for the clock is none
        continue;
      }
      least = Math.min(least, micros / repeats);
      sample++;
    }
    best.push(least);
  }
  return best;
}

/** Bytes a second. */
async function deviceCopy(device: Device): Promise<number> {
  const copy = copyLimit(device);
  try {
    return (1e6 * copy.bytes) / (await bestByWall(device, copy));
  } finally {
    copy.dispose();
  }
}

/** A copy is in no pass, so no timestamp can be put around it. */
async function bestByWall(device: Device, limit: Limit): Promise<number> {
  const { gpu } = device;
  const run = async (repeats: number): Promise<number> => {
    const start = performance.now();
    const encoder = gpu.createCommandEncoder();
    for (let n = 0; n < repeats; n++) limit.encode(encoder);
    gpu.queue.submit([encoder.finish()]);
    await device.connection.idle();
    return 1000 * (performance.now() - start);
  };
  await run(1);
  const repeats = repeatsFor(5 * SPAN_MICROS, 1, await run(1), 0);
  let least = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < SAMPLES; sample++) least = Math.min(least, (await run(repeats)) / repeats);
  return least;
}
