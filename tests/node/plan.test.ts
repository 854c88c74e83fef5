// plan.test.ts: random computations, optimized and planned, run on named buffers: the same as the interpreter says, replay
// after replay. What a plan may get wrong (a buffer taken too early, a state overwritten too soon) shows as wrong numbers.

import { evaluateProgram } from '../../src/kernels/references/elementwise.ts';
import * as assert from 'uvu/assert';
import { type Computation, computation, Graph, operandsOf, type Tensor, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import * as ops from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import {
  makePlan,
  type Place,
  type Plan,
  type PlannedSlice,
  type PlannedStep,
  samePlace,
} from '../../src/engine/plan.ts';
import { printComputation, printPlan } from '../../src/engine/print.ts';
import { referenceOf } from '../../src/kernels/references/index.ts';
import { sameShape, sizeOf } from '../../src/kernels/shape.ts';
import { OpError, type Shape } from '../../src/kernels/types.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const COMPUTATIONS = 200;
const REPLAYS = 3;
const SHAPES: readonly Shape[] = [[2, 3, 3, 4], [4], [], [2, 3, 3, 1], [1, 1, 1, 4], [2, 9, 4]];

/** A computation of random ops on inputs, states and constants, with random outputs and updates. */
function randomComputation(seed: number): Computation {
  const next = randomNumbers(seed);
  const below = (n: number): number => Math.floor(next() * n);
  const oneOf = <T>(list: readonly T[]): T => list[below(list.length)];
  const tensor = (shape: Shape): Tensor => ({
    shape,
    // Small halves: sums and products of them are exact, so ties and zeros come up.
    data: Float32Array.from({ length: sizeOf(shape) }, () => (below(17) - 8) / 2),
  });
  const graph = new Graph();
  const states = [0, 1, 2].map((k) => graph.state(`state ${k}`, tensor(oneOf(SHAPES))));
  const values = [
    graph.input('x', oneOf(SHAPES)),
    graph.input('z', oneOf(SHAPES)),
    ...states,
    graph.constant(tensor(oneOf(SHAPES))),
    graph.constant(tensor(oneOf(SHAPES))),
    graph.constant(0),
    graph.constant(1),
  ];
  const recent = () => values[Math.max(0, values.length - 1 - below(4))];
  const pick = () => (next() < 0.5 ? recent() : oneOf(values));
  const makers: readonly (() => Value)[] = [
    ...[ops.add, ops.sub, ops.mul, ops.max, ops.greater, ops.reluMask].map((op) => () => op(pick(), pick())),
    ...[ops.relu, ops.neg].map((op) => () => op(pick())),
    () => ops.where(pick(), pick(), pick()),
    () => ops.sum(pick(), [0], { keepDims: true }),
    () => ops.reshape(pick(), [2, 9, 4]),
    () => ops.reshape(pick(), [2, 3, 3, 4]),
    () => ops.conv2d(pick(), graph.constant(tensor([1, 1, 4, 4]))),
    () => ops.matmul(pick(), graph.constant(tensor([4, 4]))),
    // Branches that meet, as in a fire or an inception module; now and then one of them has another reader.
    () => {
      const x = pick();
      const parts = Array.from({ length: 2 + below(2) }, () => {
        const part = ops.conv2d(x, graph.constant(tensor([1, 1, 4, 4 * (1 + below(2))])));
        return next() < 0.7 ? ops.relu(part) : part;
      });
      const joined = ops.concat(parts);
      if (next() < 0.3) values.push(joined);
      const y = ops.conv2d(joined, graph.constant(tensor([1, 1, joined.shape[3], 4])));
      return next() < 0.3 ? ops.add(y, ops.sum(oneOf(parts))) : y;
    },
  ];
  for (let i = 0; i < 25; i++) {
    try {
      values.push(ops.clip(oneOf(makers)(), -4, 4));
    } catch (error) {
      if (!(error instanceof OpError)) throw error; // shapes that do not fit make no op
    }
  }
  const outputs = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, pick()]));
  const updates = states.slice(below(3)).map((state) => {
    const fitting = values.filter(({ shape }) => sameShape(shape, state.shape));
    const value = oneOf(fitting.slice(-4));
    return { state, value: next() < 0.5 ? ops.add(state, value) : value };
  });
  return computation(next() < 0.2 ? { ...outputs, state: oneOf(states) } : outputs, updates);
}

/** Runs a plan as a device would: one array a buffer, whatever lies in it. */
class Replayer {
  private readonly buffers = new Map<string, Float64Array>();

  constructor(
    private readonly plan: Plan,
    feeds: Readonly<Record<string, Float64Array>>,
  ) {
    for (const node of plan.graph.nodes) {
      if (node.kind === 'constant') this.store({ kind: 'constant', id: node.id }, node.tensor.data);
      else if (node.kind === 'input') this.store({ kind: 'input', name: node.name }, feeds[node.name]);
      else if (node.kind === 'state') this.store({ kind: 'state', name: node.name }, node.initial);
    }
    for (const step of plan.prologue) this.execute(step);
  }

  private store(place: Place, data: ArrayLike<number>): void {
    this.buffers.set(JSON.stringify(place), Float64Array.from(data));
  }

  read(place: Place, shape: Shape): Float64Array {
    return (this.buffers.get(JSON.stringify(place)) as Float64Array).slice(0, sizeOf(shape));
  }

  run(): void {
    for (const step of this.plan.steps) this.execute(step);
  }

  private execute({ node, inputs, output, inPlace, slice }: PlannedStep): void {
    inputs.forEach((place, k) => {
      assert.is(samePlace(place, output), k === inPlace, 'a buffer is read and written in one dispatch');
    });
    const arrays = operandsOf(node).map((id, k) => {
      const { shape } = this.plan.graph.nodes[id];
      return { shape, data: this.read(inputs[k], shape) };
    });
    const count = node.inputs.length;
    const data = referenceOf(node.op)(arrays.slice(0, count), node.attrs, node.shape);
    const { epilogue, shape } = node;
    const result = epilogue
      ? evaluateProgram(epilogue.program, [{ shape, data }, ...arrays.slice(count)], shape)
      : data;
    this.store(output, slice ? this.spliced(output, slice, result, shape) : result);
  }

  /** What the place holds with the step's channels replaced; what was never written there is not a number. */
  private spliced(place: Place, { whole, first }: PlannedSlice, data: ArrayLike<number>, shape: Shape): Float64Array {
    const held = this.buffers.get(JSON.stringify(place));
    const size = sizeOf(whole.shape);
    const y = Float64Array.from({ length: size }, (_, i) => held?.[i] ?? Number.NaN);
    const [channels, own] = [whole.shape, shape].map((each) => each[each.length - 1]);
    for (let i = 0; i < data.length; i++) y[Math.floor(i / own) * channels + first + (i % own)] = data[i];
    return y;
  }
}

function check(source: Computation, planned: Computation, label: string): void {
  const plan = makePlan(planned);
  const next = randomNumbers(1);
  const feeds: Record<string, Float64Array> = {};
  for (const node of source.graph.nodes) {
    if (node.kind === 'input')
      feeds[node.name] = Float64Array.from({ length: sizeOf(node.shape) }, () => 2 * next() - 1);
  }
  const replayer = new Replayer(plan, feeds);
  let states: Record<string, Float64Array> = {};
  for (let replay = 0; replay < REPLAYS; replay++) {
    const expected = interpret(source, { ...feeds, ...states });
    replayer.run();
    const where = `${label}, replay ${replay}\n${printComputation(planned)}\n${printPlan(plan)}\n`;
    for (const [name, { data, shape }] of Object.entries(expected.outputs)) {
      close(replayer.read(plan.outputs.get(name) as Place, shape), data, { relative: 1e-6 }, `${where}output ${name}`);
    }
    for (const [name, { data, shape }] of Object.entries(expected.states)) {
      close(replayer.read({ kind: 'state', name }, shape), data, { relative: 1e-6 }, `${where}${name}`);
      states = { ...states, [name]: data };
    }
  }
}

const test = suite('plan');

test(`${COMPUTATIONS} random computations mean the same as planned`, () => {
  let sliced = 0;
  let copied = 0;
  for (let seed = 1; seed <= COMPUTATIONS; seed++) {
    const source = randomComputation(seed);
    check(source, source, `seed ${seed}, as traced`);
    const optimized = optimize(source);
    check(source, optimized, `seed ${seed}, optimized`);
    for (const node of optimized.graph.nodes) {
      if (node.kind !== 'op' || node.op !== 'concat') continue;
      if (node.inSlices) sliced++;
      else copied++;
    }
  }
  assert.ok(sliced > 20 && copied > 20, `${sliced} concats in slices, ${copied} copied`);
});
