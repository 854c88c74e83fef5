// squeezenet.ts: SqueezeNet 1.1 and its input gradient by the functions of the engine alone, with random weights: what a page
// has to load that brings a network of its own. weigh.ts asks which scripts it has loaded in the end.

import { gradient } from '../../../src/autodiff/gradient.ts';
import { openDevice } from '../../../src/engine/gpu/device.ts';
import { compile } from '../../../src/engine/gpu/program.ts';
import { computation, Graph, type Value } from '../../../src/engine/graph.ts';
// Not by core.ts, which holds them as one object: a bundler leaves out the functions that are not called.
import * as ops from '../../../src/engine/ops/index.ts';
import { uniform } from '../../data.ts';
import { report } from './report.ts';

const SIZE = 224;
const CLASSES = 1000;
let seed = 1;

/** Convolution, bias and ReLU, with weights that keep the size of the numbers. */
function layer(x: Value, filters: number, taps: number, stride: number, pad: number): Value {
  const { graph } = x;
  const channels = x.shape[3];
  const limit = Math.sqrt(6 / (taps * taps * channels));
  const w = uniform(seed++, taps * taps * channels * filters, -limit, limit);
  const options = { strides: [stride, stride], pads: [pad, pad, pad, pad] } as const;
  const y = ops.conv2d(x, graph.constant({ shape: [taps, taps, channels, filters], data: w }), options);
  return ops.relu(ops.add(y, graph.constant({ shape: [filters], data: uniform(seed++, filters, -0.1, 0.1) })));
}

function fire(x: Value, squeezed: number, expanded: number): Value {
  const narrow = layer(x, squeezed, 1, 1, 0);
  return ops.concat([layer(narrow, expanded, 1, 1, 0), layer(narrow, expanded, 3, 1, 1)], 3);
}

const pool = (x: Value): Value => ops.maxPool(x, { kernel: [3, 3], strides: [2, 2], ceilMode: true });

function squeezeNet(x: Value): Value {
  let y = pool(layer(x, 64, 3, 2, 0));
  y = pool(fire(fire(y, 16, 64), 16, 64));
  y = pool(fire(fire(y, 32, 128), 32, 128));
  y = fire(fire(fire(fire(y, 48, 192), 48, 192), 64, 256), 64, 256);
  return ops.mean(layer(y, CLASSES, 1, 1, 0), [1, 2]);
}

const device = await openDevice();
const shape = [1, SIZE, SIZE, 3];
const picture = uniform(13, SIZE * SIZE * 3, -2, 2);
const outputs = [(x: Value) => squeezeNet(x), (x: Value) => gradient(ops.sum(ops.select(squeezeNet(x), 1, 7)), [x])[0]];
let result = new Float32Array();
for (const output of outputs) {
  seed = 1;
  const program = await compile(device, computation({ y: output(new Graph().input('x', shape)) }));
  result = (await program.evaluate({ x: picture })).y;
  if (!result.every(Number.isFinite) || !result.some((value) => value !== 0)) throw new Error('no sound result');
  program.dispose();
}
report(result.subarray(0, CLASSES));
