// What was measured as data: keys, files, and when an entry counts.

import * as assert from 'uvu/assert';
import { computation, Graph, type OpNode } from '../../src/engine/graph.ts';
import { conv2d, matmul, maxPool } from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import {
  answerFor,
  answerFrom,
  emptyTuning,
  kernelsFor,
  kernelsOf,
  knownWith,
  loweredVariants,
  mergeTunings,
  opKey,
  readTuning,
  type Tuning,
} from '../../src/engine/tuning.ts';
import { deviceKey } from '../../src/engine/target.ts';
import { knownChoices } from '../../src/engine/tuning_known.ts';
import { opDef } from '../../src/kernels/definitions.ts';
import type { DeviceTraits, Shape } from '../../src/kernels/types.ts';
import { loadEverything } from '../support/kernels.ts';
import { suite } from '../support/suite.ts';

const test = suite('tuning');
test.before(loadEverything);

const traits: DeviceTraits = {
  kind: 'software',
  subgroups: true,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 16384,
  maxInvocationsPerWorkgroup: 256,
};
const adapter = { vendor: 'google', architecture: 'swiftshader', name: 'SwiftShader' };
const device = deviceKey(adapter, traits);

function convolution(channels = 8): { node: OpNode; inputs: Shape[] } {
  const graph = new Graph();
  const inputs: Shape[] = [
    [1, 12, 12, channels],
    [3, 3, channels, 16],
  ];
  const y = conv2d(graph.input('x', inputs[0]), graph.input('w', inputs[1]), { pads: [1, 1, 1, 1] });
  return { node: y.node as OpNode, inputs };
}

/** A tuning that says of one op that this variant won. */
function tuningOf({ node, inputs }: ReturnType<typeof convolution>, variant: string): Tuning {
  const kernels = kernelsOf(kernelsFor(node, inputs, traits));
  return { ...emptyTuning(device), ops: { [opKey(node, inputs)]: { variant, kernels, micros: { [variant]: 12.5 } } } };
}

test('a variant is timed for its own op alone: what a lowering makes of it is chosen as where it runs', () => {
  const [own, other] = [convolution(), convolution(4)];
  const measured = answerFor(opKey(own.node, own.inputs), 'winograd-2');
  assert.is(measured(own.node, own.inputs), 'winograd-2');
  assert.is(measured(other.node, other.inputs), undefined);
});

test('equal ops have equal keys, whatever the order of their attributes; others have others', () => {
  const { node, inputs } = convolution();
  const { strides, ...rest } = node.attrs as Record<string, unknown>;
  assert.is(opKey({ ...node, attrs: { ...rest, strides } }, inputs), opKey(node, inputs));
  assert.is(opKey({ ...node, label: 'another label', id: 99 }, inputs), opKey(node, inputs));
  assert.is.not(opKey({ ...node, attrs: { ...rest, strides: [2, 2] } }, inputs), opKey(node, inputs));
  assert.is.not(opKey(convolution(4).node, convolution(4).inputs), opKey(node, inputs));
  assert.is.not(opKey({ ...node, op: 'conv2dInput' }, inputs), opKey(node, inputs));
  const pooled = maxPool(new Graph().input('x', [1, 12, 12, 8]), { kernel: [2, 2] }).node as OpNode;
  assert.is.not(opKey(pooled, [inputs[0]]), opKey(node, inputs));
});

test('an epilogue does not change the key: it costs all variants the same', () => {
  const { node, inputs } = convolution();
  const program = { operands: 1, steps: [{ op: 'relu', args: [0] }] };
  assert.is(opKey({ ...node, epilogue: { program, operands: [] } }, inputs), opKey(node, inputs));
});

test('a device is its adapter and what its kernels may use', () => {
  assert.is.not(deviceKey(adapter, { ...traits, subgroups: false }), device);
  assert.is.not(deviceKey({ ...adapter, name: 'SwiftShader 6' }, traits), device);
});

test('a tuning comes back from its text; what is none is undefined', () => {
  const tuning = tuningOf(convolution(), 'tiled');
  assert.equal(readTuning(JSON.stringify(tuning)), tuning);
  const [key] = Object.keys(tuning.ops);
  const broken = [
    '',
    '{',
    'null',
    '[]',
    '{}',
    JSON.stringify({ ...tuning, format: 0 }),
    JSON.stringify({ ...tuning, device: 7 }),
    JSON.stringify({ ...tuning, ops: [] }),
    JSON.stringify({ ...tuning, ops: { [key]: 'tiled' } }),
    JSON.stringify({ ...tuning, ops: { [key]: { ...tuning.ops[key], micros: { tiled: 'fast' } } } }),
    JSON.stringify({ ...tuning, ops: { [key]: { ...tuning.ops[key], variant: 1 } } }),
    JSON.stringify({ ...tuning, ops: { [key]: { ...tuning.ops[key], usual: 1 } } }),
  ];
  for (const text of broken) assert.is(readTuning(text), undefined, text);
});

test('of two tunings of a device the later one counts, of two devices the later alone', () => {
  const [one, other] = [convolution(8), convolution(4)];
  const earlier = { ...emptyTuning(device), ops: { ...tuningOf(one, 'naive').ops, ...tuningOf(other, 'naive').ops } };
  const later = tuningOf(one, 'tiled');
  const merged = mergeTunings(earlier, later);
  assert.is(merged.ops[opKey(one.node, one.inputs)].variant, 'tiled');
  assert.is(merged.ops[opKey(other.node, other.inputs)].variant, 'naive');
  assert.equal(mergeTunings({ ...earlier, device: 'another' }, later), later);
  assert.equal(mergeTunings(undefined, later), later);
});

test('what was measured is answered for this op alone, and where it no longer holds, nothing', () => {
  const op = convolution();
  const ask = (tuning: Tuning | undefined, known = {}, at = op) =>
    answerFrom(tuning, known, traits)(at.node, at.inputs);
  assert.is(ask(tuningOf(op, 'naive')), 'naive');
  assert.is(ask(tuningOf(op, 'naive'), {}, convolution(4)), undefined);
  assert.is(ask(tuningOf(op, 'of the past')), undefined, 'a variant that there is no more');
  const [key] = Object.keys(tuningOf(op, 'naive').ops);
  const old = { ...tuningOf(op, 'naive').ops[key], kernels: '01234567-89abcdef' };
  assert.is(ask({ ...emptyTuning(device), ops: { [key]: old } }), undefined, 'measured with other kernels');
  assert.is(
    ask({ ...emptyTuning(device), ops: { [key]: old } }, { [key]: 'tiled' }),
    'tiled',
    'what is known stands in',
  );
  assert.is(ask(undefined, { [key]: 'of the past' }), undefined);
  assert.is(ask(tuningOf(op, 'naive'), { [key]: 'tiled' }), 'naive', 'measured here counts more');
  for (const name of loweredVariants) assert.is(ask(tuningOf(op, name)), name);
});

test('the text that stands for kernels changes with their names, grids and texts', () => {
  const { node, inputs } = convolution();
  const kernels = kernelsFor(node, inputs, traits);
  assert.is(kernelsOf(kernels), kernelsOf(kernelsFor(node, inputs, traits)));
  const [first, ...others] = kernels;
  assert.is.not(kernelsOf(others), kernelsOf(kernels));
  assert.is.not(kernelsOf([{ ...first, variant: 'new' }, ...others]), kernelsOf(kernels));
  assert.is.not(kernelsOf([{ ...first, workgroups: [1, 1, 7] }, ...others]), kernelsOf(kernels));
  assert.is.not(kernelsOf([{ ...first, text: { ...first.text, WORKGROUP: 32 } }, ...others]), kernelsOf(kernels));
});

test('variants of an op have names of their own', () => {
  const [x, a] = [new Graph().input('x', [1, 12, 12, 8]), new Graph().input('a', [64, 64])];
  for (const value of [convolution().node, maxPool(x, { kernel: [2, 2] }).node, matmul(a, a).node]) {
    const { op, inputs } = value as OpNode;
    const shapes =
      op === 'conv2d' ? convolution().inputs : inputs.map(() => (op === 'matmul' ? [64, 64] : [1, 12, 12, 8]));
    const names = kernelsFor(value as OpNode, shapes, traits).map(({ variant }) => variant);
    assert.ok(names.length > 1, op);
    assert.is(new Set(names).size, names.length, op);
  }
});

test('what comes with the engine names ops and variants', () => {
  for (const { variants } of knownChoices) {
    for (const [key, variant] of Object.entries(variants)) {
      assert.ok(opDef(key.split(' ')[0] as OpNode['op']), key);
      assert.type(variant, 'string');
    }
  }
});

test('an answer of no known name leaves a computation as it is lowered without one', () => {
  const graph = new Graph();
  const y = conv2d(graph.input('x', [1, 12, 12, 8]), graph.input('w', [5, 5, 8, 16]), { pads: [2, 2, 2, 2] });
  const plain = optimize(computation({ y }), { traits });
  const answered = optimize(computation({ y }), { traits, measured: () => 'of the past' });
  assert.is(answered.graph.nodes.length, plain.graph.nodes.length);
});

test('known choices come from a tuning where they are a tenth faster, and go where they no longer are', () => {
  const ops = [4, 8, 12, 16, 20].map((channels) => convolution(channels));
  const keys = ops.map(({ node, inputs }) => opKey(node, inputs));
  const entry = (k: number, variant: string, micros: Record<string, number>) => ({
    ...tuningOf(ops[k], variant).ops[keys[k]],
    usual: 'quad',
    micros,
  });
  const tuning: Tuning = {
    ...emptyTuning(device),
    ops: {
      [keys[0]]: entry(0, 'winograd-2', { quad: 120, 'winograd-2': 100 }),
      [keys[1]]: entry(1, 'winograd-2', { quad: 109, 'winograd-2': 100 }),
      [keys[2]]: entry(2, 'quad', { quad: 100, 'winograd-2': 200 }),
      [keys[3]]: { ...entry(3, 'winograd-2', { quad: 200, 'winograd-2': 100 }), kernels: '01234567-89abcdef' },
    },
  };
  const other = { architecture: 'another', variants: { [keys[0]]: 'tiled' } };
  const before = { architecture: 'swiftshader', variants: { [keys[2]]: 'tiled', [keys[4]]: 'tiled' } };
  assert.equal(knownWith([before, other], 'swiftshader', tuning), [
    other,
    { architecture: 'swiftshader', variants: { [keys[0]]: 'winograd-2', [keys[4]]: 'tiled' } },
  ]);
  assert.equal(knownWith([], 'swiftshader', emptyTuning(device)), []);
});
