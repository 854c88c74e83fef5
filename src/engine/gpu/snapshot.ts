// snapshot.ts: what a program's runs change and a user may read, put aside while its steps are repeated for profiling.

import { type Place, type Plan, samePlace } from '../plan.ts';
import type { Build, Step } from './build.ts';
import type { Connection } from './connection.ts';
import type { Timed } from './lapTimer.ts';

/** Copies of states and outputs, and room for what a step writes over itself. */
export class Snapshot {
  private readonly copies: { readonly from: GPUBuffer; readonly to: GPUBuffer }[] = [];
  private readonly scratch: GPUBuffer | undefined;
  private readonly connection: Connection;

  constructor(
    private readonly build: Build,
    plan: Plan,
  ) {
    this.connection = build.connection;
    const states = plan.graph.nodes.flatMap((node): Place[] =>
      node.kind === 'state' ? [{ kind: 'state', name: node.name }] : [],
    );
    const outputs = [...plan.outputs.values()].filter(({ kind }) => kind === 'slot');
    const buffers = new Set([...states, ...outputs].map((place) => build.bufferAt(place)));
    try {
      for (const from of buffers) this.copies.push({ from, to: this.create(from.size) });
      const overwritten = build.steps.filter(isOverItself).map(({ planned }) => build.bufferAt(planned.output).size);
      this.scratch = overwritten.length > 0 ? this.create(Math.max(...overwritten)) : undefined;
    } catch (error) {
      this.dispose();
      throw error;
    }
    this.submit((encoder) => {
      for (const { from, to } of this.copies) encoder.copyBufferToBuffer(from, 0, to, 0, from.size);
    });
  }

  private create(bytes: number): GPUBuffer {
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.connection.createBuffer('put aside while profiling', bytes, usage, this.build.watch);
  }

  /** Puts everything back, in the order of the queue. */
  restore(): void {
    if (this.connection.lost) return; // then the program puts itself back
    this.submit((encoder) => {
      for (const { from, to } of this.copies) encoder.copyBufferToBuffer(to, 0, from, 0, from.size);
    });
  }

  /** A step that can be repeated without end: what it overwrites of its own input is put back, and computed once. */
  workOf(step: Step): Timed {
    const encode = (pass: GPUComputePassEncoder): void => {
      pass.setPipeline(step.pipeline);
      pass.setBindGroup(0, step.bindGroup);
      pass.dispatchWorkgroups(...step.workgroups);
    };
    if (!isOverItself(step)) return { encode };
    const own = this.build.bufferAt(step.planned.output);
    const scratch = this.scratch as GPUBuffer;
    return {
      encode,
      before: (encoder) => encoder.copyBufferToBuffer(own, 0, scratch, 0, own.size),
      after(encoder) {
        encoder.copyBufferToBuffer(scratch, 0, own, 0, own.size);
        const pass = encoder.beginComputePass();
        encode(pass);
        pass.end();
      },
    };
  }

  private submit(encode: (encoder: GPUCommandEncoder) => void): void {
    const { gpu } = this.connection;
    this.build.watch.during(
      () => 'Putting aside what profiling would change',
      () => {
        const encoder = gpu.createCommandEncoder();
        encode(encoder);
        gpu.queue.submit([encoder.finish()]);
      },
    );
  }

  dispose(): void {
    for (const { to } of this.copies) this.connection.destroyBuffer(to);
    if (this.scratch) this.connection.destroyBuffer(this.scratch);
  }
}

/** Whether a second run of the step would begin with what the first one left. */
const isOverItself = ({ planned: { inputs, output } }: Step): boolean =>
  inputs.some((place) => samePlace(place, output));
