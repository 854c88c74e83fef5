// limits.ts: what the device can do at most: multiply-adds without memory, and copying without arithmetic.

import type { Device } from '../src/index.ts';
import multiplyAdd from './multiply_add.wgsl';
import type { Work } from './measure.ts';

const INVOCATIONS = 16384;
const LANES = 4;
const CHAINS = 8;

/** Flops of one run: 2 a multiply-add. */
const flopsOf = (rounds: number): number => 2 * INVOCATIONS * LANES * CHAINS * rounds;

export async function multiplyAddPeak(device: Device): Promise<Work> {
  const { connection } = device;
  const { gpu } = connection;
  // A software adapter reaches a few GFLOP/s, a GPU a few thousand times as many.
  const rounds = device.traits.kind === 'software' ? 200 : 100_000;
  const pipeline = await connection.pipeline('multiply-add', multiplyAdd, 0);
  const uniforms = connection.createBuffer('rounds', 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  const y = connection.createBuffer('y', 4 * INVOCATIONS, GPUBufferUsage.STORAGE);
  gpu.queue.writeBuffer(uniforms, 0, Uint32Array.of(rounds));
  const bindGroup = gpu.createBindGroup({
    layout: connection.bindGroupLayout(0),
    entries: [uniforms, y].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return {
    name: 'multiply-add loop (limit of arithmetic)',
    flops: flopsOf(rounds),
    bytes: 4 * INVOCATIONS,
    run() {
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(INVOCATIONS / 64);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
    },
    dispose() {
      connection.destroyBuffer(uniforms);
      connection.destroyBuffer(y);
    },
  };
}

/** Bytes copied: far more than a cache holds, on a GPU too. */
const COPY_BYTES = { software: 2 ** 24, gpu: 2 ** 28 };

export async function copyPeak(device: Device): Promise<Work> {
  const { connection } = device;
  const { gpu } = connection;
  const bytes = COPY_BYTES[device.traits.kind];
  const from = connection.createBuffer('from', bytes, GPUBufferUsage.COPY_SRC);
  const to = connection.createBuffer('to', bytes, GPUBufferUsage.COPY_DST);
  return {
    name: 'copy of a buffer (limit of memory)',
    flops: 0,
    bytes: 2 * bytes,
    run() {
      const encoder = gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
      gpu.queue.submit([encoder.finish()]);
    },
    dispose() {
      connection.destroyBuffer(from);
      connection.destroyBuffer(to);
    },
  };
}
