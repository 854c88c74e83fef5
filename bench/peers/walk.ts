// walk.ts: builds a network in another engine, node after node of the ONNX graph that this engine's reader gives.

import type { OnnxGraph, OnnxNode } from '../../src/models/onnx/proto.ts';
import { Unsupported } from './peer.ts';

export type Pads = readonly [top: number, left: number, bottom: number, right: number];

export interface WindowAttrs {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: Pads;
}

/** What networks are made of. Weights are in the file's layout: filters [K,C/groups,R,S], matrices [outputs, inputs]. */
export interface NetworkOps<T> {
  /** The weight of this name. */
  weight(name: string): T;
  /** A value that is read once more later. */
  keep(x: T): T;
  /** Height and width of a picture. */
  sizeOf(x: T): readonly [number, number];
  /** `isRelu` where a ReLU follows, which the engine may do along. */
  conv(x: T, w: T, b: T | undefined, attrs: WindowAttrs & { readonly groups: number }, isRelu: boolean): T;
  relu(x: T): T;
  /** Of numbers that are not negative. */
  maxPool(x: T, attrs: WindowAttrs): T;
  /** [N,C] */
  globalAverage(x: T): T;
  concat(list: readonly T[]): T;
  lrn(x: T, attrs: { readonly size: number; readonly alpha: number; readonly beta: number; readonly bias: number }): T;
  /** x wᵀ + b. */
  dense(x: T, w: T, b: T | undefined): T;
}

export interface Walk {
  /** The value walked from, by default the network's input. */
  readonly from?: string;
  /** The value that is wanted, by default the network's output. */
  readonly until?: string;
}

const KNOWN = new Set('Conv Relu MaxPool GlobalAveragePool Flatten Concat LRN Gemm Dropout'.split(' '));

/** Names of the weights of the network, in the order in which they are read. */
export function weightNames({ nodes, initializers }: OnnxGraph): string[] {
  return [...new Set(nodes.flatMap(({ inputs }) => inputs.filter((name) => initializers.has(name))))];
}

/** Walks from the value `x` of `from` to `until`. Takes x over, and uses each value up where it is read last. */
export function walk<T>(graph: OnnxGraph, ops: NetworkOps<T>, x: T, { from, until }: Walk = {}): T {
  const input = from ?? graph.inputs.find(({ name }) => !graph.initializers.has(name))?.name ?? '';
  const output = until ?? graph.outputs[0].name;
  const needed = between(graph, input, output);
  const reads = new Map<string, number>([[output, 1]]);
  for (const { inputs } of needed) for (const name of inputs) reads.set(name, (reads.get(name) ?? 0) + 1);
  const values = new Map<string, T>([[input, x]]);
  const read = (name: string): T => {
    if (graph.initializers.has(name)) return ops.weight(name);
    const value = values.get(name);
    if (value === undefined) throw new Unsupported(`a walk from ${input} does not pass ${name}`);
    const left = (reads.get(name) as number) - 1;
    reads.set(name, left);
    return left > 0 ? ops.keep(value) : value;
  };
  for (let i = 0; i < needed.length; i++) {
    const node = needed[i];
    const next = needed[i + 1];
    const isRelu = next?.op === 'Relu' && next.inputs[0] === node.outputs[0] && reads.get(node.outputs[0]) === 1;
    const value = apply(node, ops, read, isRelu);
    // A convolution that did the ReLU along stands for both.
    if (node.op === 'Conv' && isRelu) i++;
    values.set(node.op === 'Conv' && isRelu ? next.outputs[0] : node.outputs[0], value);
  }
  return read(output);
}

/** The nodes on the way from one value to another, in order. */
function between({ nodes }: OnnxGraph, from: string, to: string): OnnxNode[] {
  const wanted = new Set([to]);
  const needed: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (node.outputs[0] === from || !wanted.has(node.outputs[0])) continue;
    needed.push(node);
    for (const name of node.inputs) wanted.add(name);
  }
  return needed.reverse();
}

const pair = (list: readonly number[] | undefined, fallback: number): [number, number] =>
  list?.length === 2 ? [list[0], list[1]] : [fallback, fallback];

function windowOf({ attributes }: OnnxNode, kernel: readonly [number, number]): WindowAttrs {
  const pads = attributes.get('pads')?.ints ?? [];
  const auto = attributes.get('auto_pad')?.s ?? 'NOTSET';
  if (auto !== 'NOTSET') throw new Unsupported(`the walk does not know auto_pad ${auto}`);
  if (attributes.get('dilations')?.ints.some((d) => d !== 1)) throw new Unsupported('the walk knows no dilations');
  return {
    kernel,
    strides: pair(attributes.get('strides')?.ints, 1),
    pads: pads.length === 4 ? [pads[0], pads[1], pads[2], pads[3]] : [0, 0, 0, 0],
  };
}

/** With the padding at the end that windows hanging over it need; a window that would begin there is left out. */
function withOverhang(attrs: WindowAttrs, size: readonly [number, number]): WindowAttrs {
  const [bottom, right] = ([0, 1] as const).map((axis) => {
    const { kernel, strides, pads } = attrs;
    const room = size[axis] + pads[axis] + pads[axis + 2] - kernel[axis];
    let last = Math.ceil(room / strides[axis]);
    if (last * strides[axis] >= size[axis] + pads[axis]) last--;
    return last * strides[axis] + kernel[axis] - size[axis] - pads[axis];
  });
  return { ...attrs, pads: [attrs.pads[0], attrs.pads[1], Math.max(0, bottom), Math.max(0, right)] };
}

function apply<T>(node: OnnxNode, ops: NetworkOps<T>, read: (name: string) => T, isRelu: boolean): T {
  const { op, inputs, attributes } = node;
  if (!KNOWN.has(op)) throw new Unsupported(`the walk does not know the operator ${op}`);
  const bias = (): T | undefined => (inputs[2] ? read(inputs[2]) : undefined);
  const number = (name: string, fallback: number): number =>
    attributes.get(name)?.f ?? attributes.get(name)?.i ?? fallback;
  switch (op) {
    case 'Conv': {
      const kernel = pair(attributes.get('kernel_shape')?.ints, 0);
      const attrs = { ...windowOf(node, kernel), groups: number('group', 1) };
      return ops.conv(read(inputs[0]), read(inputs[1]), bias(), attrs, isRelu);
    }
    case 'MaxPool': {
      const x = read(inputs[0]);
      const attrs = windowOf(node, pair(attributes.get('kernel_shape')?.ints, 0));
      return ops.maxPool(x, attributes.get('ceil_mode')?.i ? withOverhang(attrs, ops.sizeOf(x)) : attrs);
    }
    case 'Relu':
      return ops.relu(read(inputs[0]));
    case 'GlobalAveragePool':
      return ops.globalAverage(read(inputs[0]));
    case 'Concat':
      return ops.concat(inputs.map(read));
    case 'LRN':
      return ops.lrn(read(inputs[0]), {
        size: number('size', 0),
        alpha: number('alpha', 1e-4),
        beta: number('beta', 0.75),
        bias: number('bias', 1),
      });
    case 'Gemm':
      if (!attributes.get('transB')?.i || number('alpha', 1) !== 1 || number('beta', 1) !== 1) {
        throw new Unsupported('the walk knows Gemm only as a dense layer');
      }
      return ops.dense(read(inputs[0]), read(inputs[1]), bias());
    default: // Dropout, and Flatten of what a global average left
      return read(inputs[0]);
  }
}
