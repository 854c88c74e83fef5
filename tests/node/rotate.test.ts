// What the rotating pass makes of input gradients is the same function, in float64; and it takes those it says it takes.

import * as assert from 'uvu/assert';
import { type Computation, computation, Graph, type OpNode } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { conv2dInput } from '../../src/engine/ops/index.ts';
import { ROTATED, rotate } from '../../src/engine/passes/rotate.ts';
import type { Target } from '../../src/engine/target.ts';
import type { DeviceTraits } from '../../src/kernels/types.ts';
import { close } from '../support/close.ts';
import { rotations, traceRotation } from '../support/rotations.ts';
import { suite } from '../support/suite.ts';

const test = suite('rotating pass');

const software: DeviceTraits = {
  kind: 'software',
  subgroups: true,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 16384,
  maxInvocationsPerWorkgroup: 256,
};
const asked: Target = { traits: software, measured: () => ROTATED };

const opsIn = ({ graph }: Computation): string[] =>
  graph.nodes.flatMap((node) => (node.kind === 'op' ? [node.op] : []));

for (const row of rotations) {
  test(`${row.name}: the same gradient`, () => {
    const { what, dy } = traceRotation(row);
    const turned = rotate(what, asked);
    assert.ok(opsIn(turned).includes('conv2d') && !opsIn(turned).includes('conv2dInput'), opsIn(turned).join());
    const expected = interpret(what, { dy }).outputs.dx;
    const { dx } = interpret(turned, { dy }).outputs;
    assert.equal(dx.shape, expected.shape);
    close(dx.data, expected.data, { relative: 1e-13 }, 'dx');
  });
}

/** A gradient on which the pass could act, with something changed. */
function gradientOf({ stride = 1, groups = 1, pad = 0, isConstant = true, taps = 1, channels = 8 }): Computation {
  const graph = new Graph();
  const shape = [taps, taps, channels / groups, 8];
  const w = isConstant
    ? graph.constant({
        shape,
        data: new Float32Array((taps * taps * channels * 8) / groups).fill(1),
      })
    : graph.input('w', shape);
  const size = Math.floor((8 + 2 * pad - taps) / stride) + 1;
  const options = { strides: [stride, stride], groups, pads: [pad, pad, pad, pad], inputSize: [8, 8] } as const;
  return computation({ dx: conv2dInput(graph.input('dy', [1, size, size, 8]), w, options) });
}

test('takes what is forward again, and leaves the rest', () => {
  const takes = (what: Computation, target: Target | undefined = asked): boolean =>
    !opsIn(rotate(what, target)).includes('conv2dInput');
  assert.is(takes(gradientOf({})), true);
  assert.is(takes(gradientOf({ stride: 2 })), false, 'strides');
  assert.is(takes(gradientOf({ groups: 2 })), false, 'groups');
  assert.is(takes(gradientOf({ pad: 1 })), false, 'pads beyond the filter');
  assert.is(takes(gradientOf({ isConstant: false })), false, 'filters that change');
  assert.is(rotate(gradientOf({}), undefined).graph.nodes.length, 3, 'no device, nothing done');
});

test('by itself it takes what quads compute faster on software adapters, else 1x1 and 5x5, and obeys what was measured', () => {
  const takes = (taps: number, target: Target, channels?: number): boolean =>
    !opsIn(rotate(gradientOf({ taps, pad: taps >> 1, channels }), target)).includes('conv2dInput');
  assert.equal(
    [1, 3, 5].map((taps) => takes(taps, { traits: software })),
    [true, false, true],
  );
  assert.equal(
    [1, 3, 5].map((taps) => takes(taps, { traits: software }, 16)),
    [true, true, true],
  );
  assert.equal(
    [1, 3, 5].map((taps) => takes(taps, { traits: { ...software, subgroups: false } }, 16)),
    [true, false, true],
  );
  assert.equal(
    [1, 3, 5].map((taps) => takes(taps, { traits: { ...software, kind: 'gpu' } })),
    [false, false, false],
  );
  assert.is(takes(1, { traits: software, measured: () => 'quad' }), false);
  assert.is(takes(3, { traits: software, measured: () => ROTATED }), true);
});

test('the label stays with what gives the result', () => {
  const { what } = traceRotation(rotations[0]);
  const labelled = {
    ...what,
    graph: Object.assign(new Graph(), {
      nodes: what.graph.nodes.map((node) => (node.kind === 'op' ? { ...node, label: 'slope' } : node)),
    }),
  };
  const nodes = rotate(labelled, asked).graph.nodes.filter((node) => node.kind === 'op') as OpNode[];
  assert.is(nodes.at(-1)?.op, 'conv2d');
  assert.is(nodes.at(-1)?.label, 'slope');
});
