// works.ts: what is measured: single ops with their naive kernels beside the chosen ones, and whole networks.

import {
  compile,
  computation,
  type Device,
  type Computation,
  Graph,
  gradient,
  type Model,
  objectives,
  ops,
  type Program,
  type Value,
  Visualization,
} from '../src/index.ts';
import { sizeOf } from '../src/kernels/shape.ts';
import { uniform } from './data.ts';
import type { Work } from './measure.ts';

function workOf(name: string, program: Program, repeat = 1): Work {
  const sum = (pick: (step: Program['steps'][number]) => number) =>
    program.steps.reduce((total, step) => total + pick(step), 0);
  return {
    name,
    flops: repeat * sum(({ cost }) => cost.flops),
    bytes: repeat * sum(({ cost }) => cost.bytes),
    run: () => program.run(repeat),
    dispose: () => program.dispose(),
  };
}

/** An op twice: with its first, naive kernel and with the one that is taken. */
async function pair(device: Device, name: string, trace: (graph: Graph) => Value): Promise<Work[]> {
  const what = (): Computation => computation({ y: trace(new Graph()) });
  const naive = await compile(device, what(), { choose: ([first]) => first });
  const chosen = await compile(device, what());
  const asDefined = workOf(`${name}, naive`, naive);
  // Flops are those of the definition, however few a kernel gets by with.
  return [asDefined, { ...workOf(name, chosen), flops: asDefined.flops }];
}

/** A filter that does not change, as those of networks. */
const filter = (graph: Graph, shape: readonly number[]): Value =>
  graph.constant({ shape, data: uniform(1, sizeOf(shape)) });

export async function opWorks(device: Device): Promise<Work[]> {
  const conv =
    (x: readonly number[], w: readonly number[], options = {}) =>
    (graph: Graph) =>
      ops.conv2d(graph.input('x', x), filter(graph, w), options);
  const same = { pads: [1, 1, 1, 1] } as const;
  const list: [string, (graph: Graph) => Value][] = [
    ['matmul 512', (graph) => ops.matmul(graph.input('a', [512, 512]), graph.input('b', [512, 512]))],
    ['conv 7x7/2, 224², 3→64', conv([1, 224, 224, 3], [7, 7, 3, 64], { strides: [2, 2], pads: [3, 3, 3, 3] })],
    ['conv 3x3, 56², 64→128', conv([1, 56, 56, 64], [3, 3, 64, 128], same)],
    ['conv 1x1, 28², 256→64', conv([1, 28, 28, 256], [1, 1, 256, 64])],
    ['depthwise 3x3, 56², 128', conv([1, 56, 56, 128], [3, 3, 1, 128], { ...same, groups: 128 })],
    [
      'input gradient of conv 3x3, 56², 64→128',
      (graph) =>
        ops.conv2dInput(graph.input('dy', [1, 56, 56, 128]), filter(graph, [3, 3, 64, 128]), {
          ...same,
          inputSize: [56, 56],
        }),
    ],
    ['irfft2, 224², 3', (graph) => ops.irfft2(graph.input('c', [1, 224, 113, 3, 2]), 224)],
  ];
  const pairs: Work[][] = [];
  for (const [name, trace] of list) pairs.push(await pair(device, name, trace));
  return pairs.flat();
}

/** Forward, input gradient of a logit, and a feature-visualization step of a network at its nominal size. */
export async function networkWorks(device: Device, model: Model): Promise<Work[]> {
  const shape = [1, ...model.nominalSize, model.input.channels];
  const graph = new Graph();
  const x = graph.input('x', shape);
  const { output } = model.trace(x);
  const [dx] = gradient(ops.sum(output), [x]);
  const run = await Visualization.create(device, model, objectives.logit(0), {
    size: model.nominalSize,
    redirectSteps: 0,
  });
  const size = model.nominalSize.join('x');
  return [
    workOf(`${model.name} ${size}: forward`, await compile(device, computation({ output }))),
    workOf(`${model.name} ${size}: input gradient`, await compile(device, computation({ dx }))),
    { ...workOf(`${model.name} ${size}: visualization step`, run.programs[0]), dispose: () => run.dispose() },
  ];
}

/** What a dispatch costs by itself: 200 of them on 1,024 numbers, as one replay. */
export async function dispatchWork(device: Device): Promise<Work> {
  const graph = new Graph();
  let value = graph.input('x', [1024]);
  for (let i = 0; i < 200; i++) value = ops.relu(value);
  return workOf('200 dispatches of 1,024 numbers', await compile(device, computation({ value }), { optimize: false }));
}
