// cell.ts: an input or a state of a program: its buffer, and the numbers on the CPU that fill it again after a loss.

import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import type { InputNode, StateNode } from '../graph.ts';
import type { Connection } from './connection.ts';
import type { Watch } from './scopes.ts';

export class Cell {
  readonly name: string;
  readonly kind: 'input' | 'state';
  readonly shape: Shape;
  /** Of a state: its values at the last checkpoint, or at the beginning; of an input: what was written last. */
  saved: Float32Array | undefined;
  /** Whether runs changed the buffer since it was saved. */
  isChanged = false;
  /** Whether a loss took such changes back, and nobody was told of it or wrote other values since. */
  wentBack = false;
  #home: { readonly connection: Connection; readonly buffer: GPUBuffer } | undefined;

  constructor(node: InputNode | StateNode) {
    this.name = node.name;
    this.kind = node.kind;
    this.shape = node.shape;
    this.saved = node.kind === 'state' ? node.initial : undefined;
  }

  get bytes(): number {
    return 4 * sizeOf(this.shape);
  }

  get buffer(): GPUBuffer {
    if (!this.#home) throw new Error(`"${this.name}" has no buffer yet.`);
    return this.#home.buffer;
  }

  /** Whether the buffer is on this GPUDevice, and not on one that was lost. */
  isOn(connection: Connection): boolean {
    return this.#home?.connection === connection;
  }

  /** Takes a new buffer, and fills it. */
  place(connection: Connection, buffer: GPUBuffer): void {
    this.#home = { connection, buffer };
    if (this.saved) this.#upload(this.saved);
    this.wentBack ||= this.isChanged;
    this.isChanged = false;
  }

  /** Fills the buffer, and keeps a copy: callers use their arrays again. */
  write(data: Float32Array, watch: Watch, label: string): void {
    if (this.kind === 'input' && this.saved) this.saved.set(data);
    else this.saved = data.slice(); // the first values of a state belong to the graph
    this.isChanged = false;
    this.wentBack = false;
    watch.during(
      () => `${label}: writing "${this.name}"`,
      () => this.#upload(data),
    );
  }

  #upload(data: Float32Array): void {
    this.#home?.connection.gpu.queue.writeBuffer(this.#home.buffer, 0, data as Float32Array<ArrayBuffer>);
  }
}
