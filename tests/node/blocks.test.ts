// blocks.test.ts: which kernels in workgroup memory are offered for a product, and which of them is taken unmeasured.

import * as assert from 'uvu/assert';
import { kernelsFor } from '../../src/engine/tuning.ts';
import { computation, Graph, type OpNode } from '../../src/engine/graph.ts';
import { conv2d, matmul } from '../../src/engine/ops/index.ts';
import { formsFor, preferredForm } from '../../src/kernels/blocks.ts';
import type { DeviceTraits } from '../../src/kernels/types.ts';
import { loadEverything } from '../support/kernels.ts';
import { suite } from '../support/suite.ts';

const test = suite('blocks');
test.before(loadEverything);

const gpu: DeviceTraits = {
  kind: 'gpu',
  subgroups: true,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 16384,
  maxInvocationsPerWorkgroup: 256,
};
const square = (n: number) => ({ count: 1, M: n, N: n, K: n });
const offered = (device: DeviceTraits, n: number) => formsFor(device, square(n)).map(({ variant }) => variant);

test('larger matrices have larger blocks to choose from', () => {
  assert.equal(offered(gpu, 16), []);
  assert.equal(offered(gpu, 17), ['shared-32x32']);
  assert.equal(offered(gpu, 64), ['shared-32x32', 'shared-64x64-256', 'shared-64x64']);
  assert.is(offered(gpu, 65).length, 4);
});

test('limits of the device are kept, and software adapters are offered none', () => {
  assert.equal(offered({ ...gpu, kind: 'software' }, 1024), []);
  assert.equal(offered({ ...gpu, maxInvocationsPerWorkgroup: 128 }, 1024), ['shared-32x32', 'shared-64x64']);
  assert.equal(offered({ ...gpu, maxWorkgroupStorageBytes: 2048 }, 1024), ['shared-32x32']);
});

test('unmeasured, blocks are as large as keeps a GPU busy', () => {
  const taken = (n: number) => preferredForm(formsFor(gpu, square(n)), square(n))?.variant;
  assert.is(taken(128), undefined);
  assert.is(taken(512), 'shared-64x64-256');
  assert.is(taken(1024), 'shared-128x128');
  assert.is(preferredForm(formsFor(gpu, square(512)), { ...square(512), K: 16 }), undefined, 'few terms');
});

/** Variants and the text that holds the steps of the last one, for the only op of a computation. */
function kernels(device: DeviceTraits, build: (graph: Graph) => ReturnType<typeof matmul>) {
  const { graph } = computation({ y: build(new Graph()) });
  const node = graph.nodes[graph.nodes.length - 1] as OpNode;
  return kernelsFor(
    node,
    node.inputs.map((id) => graph.nodes[id].shape),
    device,
  );
}

test('steps fill the workgroup memory there is', () => {
  const last = (device: DeviceTraits) =>
    kernels(device, (graph) => matmul(graph.input('a', [2048, 512]), graph.input('b', [512, 2048]))).at(-1);
  assert.is(last(gpu)?.variant, 'shared-128x128');
  assert.is(last(gpu)?.text?.BLOCK_K, 8);
  assert.is(last({ ...gpu, maxWorkgroupStorageBytes: 32768 })?.text?.BLOCK_K, 16);
});

test('naive stays the first; what is preferred is the last, once', () => {
  const large = kernels(gpu, (graph) =>
    conv2d(graph.input('x', [1, 56, 56, 64]), graph.input('w', [3, 3, 64, 128]), { pads: [1, 1, 1, 1] }),
  ).map(({ variant }) => variant);
  assert.is(large[0], 'naive');
  assert.is(large.at(-1), 'shared-64x64-256');
  assert.is(new Set(large).size, large.length);
  const small = kernels(gpu, (graph) =>
    conv2d(graph.input('x', [1, 7, 7, 64]), graph.input('w', [3, 3, 64, 64]), { pads: [1, 1, 1, 1] }),
  ).map(({ variant }) => variant);
  assert.is(small.at(-1), 'tiled');
  assert.ok(small.includes('shared-32x32'), 'still offered to a tuner');
});
