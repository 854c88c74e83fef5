// slices.test.ts: convolutions and pools that write straight into their part of a concat, against the float64 reference, with every
// kernel that can compute them.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Computation, computation, Graph, type Value } from '../../src/engine/graph.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { add, averagePool, concat, conv2d, maxPool, mul, relu, sum } from '../../src/engine/ops/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { winogradError } from '../../src/kernels/winograd_transforms.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';
import { toleranceOf } from '../support/tolerance.ts';

const test = suite('slices of a concat');
let device: Device;
/** The same device under another description: kernels for GPUs. */
let other: Device;
test.before(async () => {
  device = await openDevice();
  other = await openDevice();
  Object.assign(other.traits, { kind: 'gpu', maxWorkgroupsPerDimension: 5 });
});
test.after(() => {
  device.close();
  other.close();
});

const INPUT: Shape = [2, 11, 10, 32];
const next = randomNumbers(11);
const feeds = { x: Float32Array.from({ length: sizeOf(INPUT) }, () => 2 * next() - 1) };

const weights = (graph: Graph, shape: Shape): Value => {
  const scale = 1 / Math.sqrt(sizeOf(shape.slice(0, -1)));
  return graph.constant({ shape, data: Float32Array.from({ length: sizeOf(shape) }, () => (2 * next() - 1) * scale) });
};

/** Convolution, bias and ReLU; `residual` is added before the ReLU. */
function branch(x: Value, taps: number, filters: number, options: { groups?: number; residual?: boolean } = {}): Value {
  const { groups = 1, residual = false } = options;
  const pad = (taps - 1) / 2;
  const w = weights(x.graph, [taps, taps, x.shape[3] / groups, filters]);
  const y = conv2d(x, w, { pads: [pad, pad, pad, pad], groups });
  const biased = add(y, weights(x.graph, [filters]));
  return relu(residual ? add(biased, x) : biased);
}

interface Module {
  readonly name: string;
  readonly parts: (x: Value) => Value[];
}
const modules: readonly Module[] = [
  { name: 'fire', parts: (x) => [branch(x, 1, 32), branch(x, 3, 24)] },
  {
    name: 'inception',
    parts: (x) => [
      branch(x, 1, 8),
      branch(branch(x, 1, 8), 3, 32),
      branch(branch(x, 1, 4), 5, 20),
      branch(maxPool(x, { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }), 1, 12),
    ],
  },
  {
    name: 'reduction',
    parts: (x) => [
      maxPool(x, { kernel: [3, 3], strides: [2, 2] }),
      conv2d(x, weights(x.graph, [3, 3, x.shape[3], 12]), { strides: [2, 2] }),
      averagePool(x, { kernel: [3, 3], strides: [2, 2] }),
    ],
  },
  {
    // Operands of an epilogue lie densely, wherever the result goes.
    name: 'residual and groups',
    parts: (x) => [
      branch(x, 3, 32, { residual: true }),
      branch(x, 3, 8, { groups: 2 }),
      branch(x, 1, 32, { residual: true }),
    ],
  },
];

/** A module, what reads it, and its gradient: the joined activation is read forward and as a mask. */
function trace({ parts }: Module): Computation {
  const graph = new Graph();
  const x = graph.input('x', INPUT);
  const joined = concat(parts(x));
  const y = branch(joined, 1, 8);
  const [dx] = gradient(sum(mul(y, y)), [x]);
  return computation({ joined, y, dx });
}

/** Ops and variants, and shaders, that wrote a slice, over all tests. */
const used = new Set<string>();

/** Runs with the named variant wherever an op has it, and returns all that its convolutions have. */
async function compare(
  on: Device,
  source: Computation,
  variant: string,
  label: string,
  { absolute = 0, measured = 'direct' }: { absolute?: number; measured?: string } = {},
): Promise<Set<string>> {
  const offered = new Set<string>();
  const expected = interpret(source, feeds).outputs;
  const program = await compile(on, source, {
    label,
    target: { traits: on.traits, measured: () => measured },
    choose: (kernels, { op }) => {
      if (op === 'conv2d' || op === 'maxPool') for (const kernel of kernels) offered.add(kernel.variant);
      return kernels.find((kernel) => kernel.variant === variant) ?? kernels[kernels.length - 1];
    },
  });
  assert.not.ok(
    program.steps.some(({ op }) => op === 'concat'),
    `${label}: something is copied`,
  );
  for (const { op, variant, kernel, planned } of program.steps) {
    if (!planned.slice) continue;
    used.add(`${op} ${variant}`);
    used.add(kernel.shader);
  }
  const got = await program.evaluate(feeds);
  const relative = toleranceOf(source);
  for (const [name, { data }] of Object.entries(expected))
    close(got[name], data, { relative, absolute }, `${label}: ${name}`);
  program.dispose();
  return offered;
}

for (const module of modules) {
  test(`${module.name}: forward and gradient with every kernel`, async () => {
    const source = trace(module);
    for (const [on, kind] of [
      [device, 'this device'],
      [other, 'GPUs'],
    ] as const) {
      const offered = await compare(on, source, 'naive', `${module.name}, naive for ${kind}`);
      for (const variant of offered) await compare(on, source, variant, `${module.name}, ${variant} for ${kind}`);
    }
  });

  test(`${module.name}: forward and gradient with Winograd's algorithm`, async () => {
    const source = trace(module);
    for (const tile of [2, 4] as const) {
      // Six deviations of the largest sum, over 72 channels. Filters are far smaller than the ones that formula assumes, which leaves
      // room for layers behind one another.
      const absolute = 6 * winogradError(tile, 72);
      const measured = `winograd-${tile}`;
      await compare(device, source, '', `${module.name}, F(${tile})`, { absolute, measured });
    }
  });
}

test('every kind of kernel wrote a slice', () => {
  const pools = ['maxPool naive', 'maxPool row', 'averagePool naive', 'averagePool row'];
  const wanted = ['naive', 'tiled', 'quad', 'swap', 'held', 'shared-32x32'].map((variant) => `conv2d ${variant}`);
  for (const each of [
    ...wanted,
    'matmul_swap',
    'conv2d_swap',
    ...pools,
    'winogradOutput naive',
    'winogradOutput vector',
  ])
    assert.ok(used.has(each), `${each} is not among ${[...used]}`);
});
