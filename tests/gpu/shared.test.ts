// shared.test.ts: the kernels for real GPUs that multiply blocks in workgroup memory, against the float64 reference. Any
// adapter can run them, so a device that says it is a GPU is enough; how fast they are is not asked here.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { sum } from '../../src/engine/ops/index.ts';
import type { Kernel } from '../../src/kernels/types.ts';
import { parseModel } from '../../src/models/model.ts';
import type { Case } from '../cases/index.ts';
import { sharedCases } from '../cases/shared.ts';
import { close } from '../support/close.ts';
import { drawInputs, randomNumbers } from '../support/draw.ts';
import { fetchAsset } from '../support/fetch.ts';
import { suite } from '../support/suite.ts';
import { toleranceOf } from '../support/tolerance.ts';

const test = suite('workgroup blocks');
let device: Device;
test.before(async () => {
  device = await openDevice();
  // Grids of more than a few workgroups must be folded.
  Object.assign(device.traits, { kind: 'gpu', maxWorkgroupsPerDimension: 5 });
});

const isShared = ({ variant }: Kernel): boolean => variant.startsWith('shared-');

function trace(row: Case) {
  const graph = new Graph();
  const inputs = row.inputs.map((shape, k) => graph.input(`x${k}`, shape));
  return computation({ y: row.build(inputs) });
}

/** Runs the row with the named variant wherever an op has it, and returns all that its ops have. */
async function compare(row: Case, variant: string, optimize: boolean): Promise<string[]> {
  const what = trace(row);
  const data = drawInputs(row);
  const feeds = Object.fromEntries(data.map((values, k) => [`x${k}`, values]));
  const offered = new Set<string>();
  const program = await compile(device, what, {
    optimize,
    choose: (kernels) => {
      for (const kernel of kernels.filter(isShared)) offered.add(kernel.variant);
      return kernels.find((kernel) => kernel.variant === variant) ?? kernels[0];
    },
  });
  for (const [name, values] of Object.entries(feeds)) program.write(name, values);
  program.run();
  const relative = toleranceOf(what, row.ulps);
  const expected = interpret(what, feeds).outputs.y.data;
  close(await program.read('y'), expected, { relative, absolute: relative * 1e-3 }, `${row.name}, ${variant}`);
  program.dispose();
  return [...offered];
}

for (const row of sharedCases) {
  test(`${row.op}, ${row.name}`, async () => {
    Object.assign(device.traits, { maxWorkgroupStorageBytes: row.storageBytes ?? 4096 });
    const variants = await compare(row, 'naive', true);
    assert.ok(variants.length > 0, 'no variant in workgroup memory is offered');
    for (const variant of variants) await compare(row, variant, true);
  });
}

test('a network and its gradient, split and in blocks wherever it can be', async () => {
  Object.assign(device.traits, { maxWorkgroupStorageBytes: 2048 });
  const bytes = await fetchAsset('assets/cifar10-twin-standard.onnx');
  const graph = new Graph();
  const x = graph.input('x', [1, 32, 32, 3]);
  const { output } = parseModel(bytes).trace(x);
  const what = computation({ y: output, dx: gradient(sum(output), [x])[0] });
  const used = new Set<string>();
  const program = await compile(device, what, {
    choose: (kernels, { op }) => {
      const kernel = kernels.findLast(isShared) ?? kernels[kernels.length - 1];
      used.add(isShared(kernel) ? `${op}, blocks` : op);
      return kernel;
    },
  });
  const next = randomNumbers(7);
  const feeds = { x: Float32Array.from({ length: 3072 }, () => next()) };
  const got = await program.evaluate(feeds);
  const expected = interpret(what, feeds).outputs;
  const relative = toleranceOf(what);
  for (const name of ['y', 'dx']) close(got[name], expected[name].data, { relative, absolute: 0 }, name);
  for (const kind of ['conv2d, blocks', 'conv2dInput, blocks', 'splitMatmul', 'sumParts']) {
    assert.ok(used.has(kind), `no ${kind} among ${[...used]}`);
  }
  program.dispose();
});
