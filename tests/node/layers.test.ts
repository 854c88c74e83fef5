// layers.test.ts: which layer the steps of a program are listed under, after differentiation and all passes; and of which op a
// pass made them.

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { layersOf, loweredOps } from '../../src/engine/describe.ts';
import { type Computation, computation, Graph, labelled, type OpNode } from '../../src/engine/graph.ts';
import * as ops from '../../src/engine/ops/index.ts';
import { loadPasses, optimize } from '../../src/engine/optimize.ts';
import { makePlan } from '../../src/engine/plan.ts';
import type { Target } from '../../src/engine/target.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { DeviceTraits, Shape } from '../../src/kernels/types.ts';
import { parseModel } from '../../src/models/index.ts';
import { computationsOf, type TaskName } from '../../src/viz/tasks.ts';
import { suite } from '../support/suite.ts';

const test = suite('layers of steps');

await loadPasses('gpu');

const traitsOf = (kind: DeviceTraits['kind']): DeviceTraits => ({
  kind,
  subgroups: true,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 32768,
  maxInvocationsPerWorkgroup: 256,
});
const software: Target = { traits: traitsOf('software') };

/** `layer: op` of each step. */
function listed(what: Computation, target?: Target): string[] {
  const plan = makePlan(optimize(what, target));
  const layers = layersOf(plan);
  return plan.steps.map(({ node }, k) => `${layers[k]}: ${node.op}`);
}

const drawings = parseModel(readFileSync('assets/drawings.onnx'), { name: 'drawings' });
/** Convolutions as they are, for the passes have tests of their own. */
const direct: Target = { ...software, measured: ({ op }) => (op.startsWith('conv2d') ? 'quad' : undefined) };
const stepsOf = (task: TaskName): string[] => listed(computationsOf(drawings, task)[0], direct);

test('a gradient: the forward steps bear the names of the file, the others that of the layer with a d before it', () => {
  assert.equal(stepsOf('gradient'), [
    'conv1: conv2d',
    'pool1: maxPool',
    'conv2: conv2d',
    'pool2: maxPool',
    'conv3: conv2d',
    'conv4: conv2d', // with its mask
    'd conv4: conv2dInput',
    'd conv3: conv2dInput',
    'd pool2: maxPoolSwitches',
    'd pool2: maxPoolInput',
    'd conv2: conv2dInput',
    'd pool1: maxPoolSwitches',
    'd pool1: maxPoolInput',
    'd conv1: conv2dInput',
    'd conv1: transpose',
  ]);
});

test('a visualization: what belongs to no layer has a name of its own', () => {
  const steps = stepsOf('visualize');
  const names = [...new Set(steps.map((step) => step.split(': ')[0]))];
  const [forward, backward] = [names.indexOf('conv1'), names.indexOf('d conv1')];
  assert.equal(names.slice(0, forward), ['image', 'update step', 'transforms', 'preprocessing']);
  assert.equal(names.slice(backward), [
    'd conv1',
    'd preprocessing',
    'd transforms',
    'd image',
    'update adam.correction1',
    'update adam.correction2',
    'update adam.m.param',
    'update adam.v.param',
    'update param',
    'update history',
  ]);
  assert.ok(steps.includes('objective: sum'), `${steps}`);
  assert.ok(steps.includes('d transforms: affineSampleInput'), `${steps}`);
  for (const step of steps.filter((each) => /fftStage/.test(each))) assert.match(step, /^(d )?image: /);
});

const filled = (graph: Graph, ...shape: number[]) =>
  graph.constant({ shape, data: new Float32Array(sizeOf(shape)).fill(0.1) });

test('a sum of two layers does not take the name of either, nor they its', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 8, 8, 4]);
  const conv = (label: string) => ops.conv2d(x, filled(graph, 1, 1, 4, 4), { label });
  const sum = ops.add(conv('left'), conv('right'), 'sum');
  const pooled = ops.maxPool(ops.relu(sum, 'relu'), { kernel: [2, 2], strides: [2, 2], label: 'pool' });
  const [dx] = gradient(labelled(ops.sum(pooled), 'loss'), [x]);
  // The second is fused with the sum, and bears its own name still.
  assert.equal(listed(computation({ pooled, dx })), [
    'left: conv2d',
    'right: conv2d',
    'pool: maxPool',
    'd pool: maxPoolSwitches',
    'd pool: maxPoolInput',
    'd right: conv2dInput',
    'd left: conv2dInput',
  ]);
});

test('an activation that reads its layer twice belongs to it, and so does its gradient', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 8, 8, 4]);
  const y = ops.conv2d(x, filled(graph, 1, 1, 4, 4));
  const [dx] = gradient(ops.sum(ops.mul(y, ops.sigmoid(y), 'silu')), [x]);
  const steps = listed(computation({ dx }));
  assert.ok(
    steps.every((step) => /^(d )?silu: /.test(step)),
    `${steps}`,
  );
});

test('a gradient of a gradient says so', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 8]);
  const [dx] = gradient(ops.sum(ops.exp(ops.matmul(x, filled(graph, 8, 8), { label: 'fc' }))), [x]);
  const [ddx] = gradient(ops.sum(ops.square(dx)), [x]);
  const steps = listed(computation({ ddx }));
  assert.ok(steps.includes('d fc: matmul') && steps.includes('d d fc: matmul'), `${steps}`);
});

/** A convolution, or its input gradient, with a bias behind it. */
function one(op: 'conv2d' | 'conv2dInput', shape: Shape, filters: Shape): Computation {
  const graph = new Graph();
  const x = graph.input('x', shape);
  const w = filled(graph, ...filters);
  const pads = [1, 1, 1, 1] as const;
  const y =
    op === 'conv2d'
      ? ops.conv2d(x, w, { pads, label: 'layer' })
      : ops.conv2dInput(x, w, { pads, inputSize: [shape[1], shape[2]], label: 'layer' });
  return computation({ y: ops.relu(ops.add(y, filled(graph, 8), 'bias'), 'end') });
}

for (const [variant, kind, op, made] of [
  ['winograd-2', 'software', 'conv2d', ['winogradInput', 'winogradProduct', 'winogradOutput']],
  ['winograd-4', 'software', 'conv2dInput', ['winogradInput', 'winogradProduct', 'winogradOutput']],
  ['rotated', 'software', 'conv2dInput', ['conv2d']],
  ['split-2', 'gpu', 'conv2d', ['conv2d', 'sumParts']],
] as const) {
  test(`${op} as ${variant}: all its steps are one layer, and know the op and each other`, () => {
    const what = one(op, [1, 6, 6, 128], op === 'conv2d' ? [3, 3, 128, 8] : [3, 3, 8, 128]);
    const original = what.graph.nodes.find((node): node is OpNode => node.kind === 'op' && node.op === op) as OpNode;
    const measured: Target['measured'] = (node) => (node.op === op ? variant : undefined);
    const target = { traits: traitsOf(kind), measured };
    assert.equal(
      listed(what, target),
      made.map((each) => `end: ${each}`),
    );
    const plan = makePlan(optimize(what, target));
    for (const whole of loweredOps(plan)) assert.equal(whole, { op, variant, steps: made.map((_, k) => k) });
    for (const { node } of plan.steps) {
      const { lowered } = node;
      assert.equal(lowered?.inputs, [[1, 6, 6, 128], op === 'conv2d' ? [3, 3, 128, 8] : [3, 3, 8, 128]]);
      assert.equal(lowered?.fixed, [false, true]);
      assert.equal([lowered?.attrs, lowered?.shape], [original.attrs, original.shape]);
    }
  });
}

test('a step that no pass made of another op is part of none', () => {
  const plan = makePlan(optimize(one('conv2d', [1, 6, 6, 4], [3, 3, 4, 8])));
  assert.equal(loweredOps(plan), [undefined]);
});
