// subject.ts: what is explained (the logit of a class, or one unit of a layer), and with respect to what (the input, or the
// activations of a layer). All methods trace the network through here.

import type { Device } from '../../engine/gpu/device.ts';
import { compile, type Program } from '../../engine/gpu/program.ts';
import { type Computation, Graph, Value } from '../../engine/graph.ts';
import { mean, mul, select, slice, softmax, sum } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';
import type { Model, Trace, TraceOptions } from '../../models/model.ts';
import type { Layout } from '../../models/onnx/layout.ts';

/** One unit: a channel at a place (row, column), or the mean of the channel where no place is given. */
export interface Unit {
  readonly layer: string;
  readonly channel: number;
  readonly position?: readonly [row: number, column: number];
}

/** What of a class is explained. Logits add up and do not saturate, so they are the default. */
export const scoreKinds = ['logit', 'prob'] as const;
export type ScoreKind = (typeof scoreKinds)[number];

export interface Subject {
  readonly model: Model;
  /** [H, W] of the network input. */
  readonly size: readonly [number, number];
  /** The unit that is explained in place of a class. */
  readonly unit?: Unit;
  /** Attribute to the activations of this layer in place of the input. */
  readonly layer?: string;
  /** The logit by default. */
  readonly scoreKind?: ScoreKind;
  /**
   * Owns the weights of the network as states that may change between runs (see `ChangingWeights`). Without it they are
   * constants, from which more can be computed ahead.
   */
  readonly weights?: Program;
}

/** What a method is prepared for. */
export interface Context extends Subject {
  readonly device: Device;
  /** Fixes all that is random. */
  readonly seed?: number;
}

/** `Model.trace`, with the weights as constants or as those that are owned elsewhere. */
export const traceModel = ({ model, weights }: Subject, x: Value, options: TraceOptions = {}): Trace =>
  model.trace(x, { ...options, parameters: weights ? 'state' : 'constant' });

/** `compile` for what `traceModel` traced. */
export const compileFor = ({ device, weights }: Context, traced: Computation, label: string): Promise<Program> =>
  compile(device, traced, { label, shareStates: weights });

/** What `make` gives. Where that fails, `held`, which was made before and would be used with it, is freed. */
export async function makeBeside<T>(held: { dispose(): void }, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    held.dispose();
    throw error;
  }
}

export interface TracedSubject {
  readonly graph: Graph;
  /** Network input [N,H,W,C]. */
  readonly x: Value;
  /** What attributions are with respect to: x, or the layer's activations. */
  readonly at: Value;
  /** How `at` lies against the file. */
  readonly layout: Layout;
  /** What is explained, one number a picture: [N]. */
  readonly scores: Value;
  readonly trace: Trace;
}

/** `layer:channel` or `layer:channel@row,column`, as in Lucid, whose x counts rows. */
export function parseUnit(text: string, model: Model): Unit {
  const match = /^(.+):(\d+)(?:@(\d+),(\d+))?$/.exec(text.trim());
  if (!match) throw new ModelError(`"${text}" names no unit. Write layer:channel or layer:channel@x,y.`);
  const [, layer, channel, row, column] = match;
  const unit: Unit = {
    layer: model.resolve(layer),
    channel: Number(channel),
    position: row === undefined ? undefined : [Number(row), Number(column)],
  };
  model.checkChannel(unit.layer, unit.channel);
  return unit;
}

export const showUnit = ({ layer, channel, position }: Unit): string =>
  `${layer}:${channel}${position ? `@${position.join(',')}` : ''}`;

const TARGET = 'target';

/**
 * Traces the network over x: [N,H,W,C]. For a subject with a layer, `replace` may put other activations of the same shape
 * in its place, and `at` is what stands there then. Where a class is explained, the graph gets an input "target", a
 * one-hot [classes] that is written before a run: another class needs no other program.
 */
export function traceSubject(subject: Subject, x: Value, replace: (at: Value) => Value = (at) => at): TracedSubject {
  const { model, unit, layer, scoreKind = 'logit' } = subject;
  const { graph } = x;
  const name = layer === undefined ? undefined : model.resolve(layer);
  let at = name === undefined || name === model.input.name ? replace(x) : undefined;
  const trace = traceModel(subject, at ?? x, {
    intervene: (each, value) => {
      if (each !== name) return value;
      at = replace(value);
      return at;
    },
  });
  if (!at) throw new ModelError(`"${layer}" lies on no way to the output of "${model.name}". Name another layer.`);
  const scores = unit
    ? traceUnit(unit, trace)
    : traceTarget(graph, scoreKind === 'prob' ? softmax(trace.output) : trace.output, model);
  return { graph, x, at, layout: name && at !== x ? trace.layoutOf(name) : 'nhwc', scores, trace };
}

/** The chosen one of [N,classes], for each picture: [N]. */
function traceTarget(graph: Graph, logits: Value, { name }: Model): Value {
  if (logits.shape.length !== 2) {
    throw new ModelError(
      `the output of "${name}" is [${logits.shape.join(',')}], no list of classes. Explain a unit: layer:channel.`,
    );
  }
  const asked = graph.nodes.find((node) => node.kind === 'input' && node.name === TARGET);
  const target = asked ? new Value(graph, asked.id) : graph.input(TARGET, [logits.shape[1]]);
  return sum(mul(logits, target), [1]);
}

/** The unit of each picture, [N]. */
function traceUnit({ layer, channel, position }: Unit, trace: Trace): Value {
  const value = trace.layer(layer);
  const rank = value.shape.length;
  const isMap = rank === 4 && trace.layoutOf(layer) === 'nhwc';
  if (!isMap && rank !== 2) {
    throw new ModelError(`the layer "${layer}" is [${value.shape.join(',')}], neither maps nor a list of features.`);
  }
  const chosen = select(value, isMap ? 3 : 1, channel);
  if (!isMap) {
    if (position) throw new ModelError(`the layer "${layer}" has no positions. Leave @${position.join(',')} out.`);
    return chosen;
  }
  if (!position) return mean(chosen, [1, 2]);
  const [, height, width] = chosen.shape;
  const [row, column] = position;
  if (row >= height || column >= width) {
    throw new ModelError(
      `the layer "${layer}" has ${height} x ${width} positions, so @${row},${column} is none of them.`,
    );
  }
  return sum(slice(chosen, { starts: [row, column], ends: [row + 1, column + 1], axes: [1, 2] }), [1, 2]);
}

/** What to write to the input "target" of a program, or nothing where a unit is explained. */
export function targetInput({ model, unit }: Subject, target: number | undefined): Record<string, Float32Array> {
  if (unit) return {};
  if (target === undefined) throw new ModelError('no class is named. Give the class whose logit is to be explained.');
  return { [TARGET]: oneHot(model.classes, target) };
}

export function oneHot(classes: number, target: number): Float32Array {
  if (!Number.isInteger(target) || target < 0 || target >= classes) {
    throw new ModelError(`the network has classes 0 to ${classes - 1}; there is no class ${target}.`);
  }
  const data = new Float32Array(classes);
  data[target] = 1;
  return data;
}

/** [N,H,W,C] of the network input. */
export const inputShape = ({ model, size }: Subject, batch = 1): readonly [number, number, number, number] => [
  batch,
  size[0],
  size[1],
  model.input.channels,
];

/** A fresh graph with the network over an input "x" of `batch` pictures. */
export function traceInput(subject: Subject, batch = 1): TracedSubject {
  return traceSubject(subject, new Graph().input('x', inputShape(subject, batch)));
}
