// passes.test.ts: each pass alone: it does what it says, and the computation means the same afterwards.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Computation, computation, Graph, type OpNode, Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import {
  add,
  concat,
  conv2d,
  greater,
  irfft2,
  mean,
  max,
  mul,
  neg,
  pad,
  relu,
  reshape,
  rfft2,
  sub,
  sum,
} from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { fuse } from '../../src/engine/passes/fuse.ts';
import { lower } from '../../src/engine/passes/lower.ts';
import { joinMasks } from '../../src/engine/passes/masks.ts';
import { slices } from '../../src/engine/passes/slices.ts';
import { fold, removeDead, shareCommon, simplify } from '../../src/engine/passes/simplify.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { printComputation, printPlan } from '../../src/engine/print.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const random = (graph: Graph, shape: readonly number[], seed: number): Value => {
  const next = randomNumbers(seed);
  return graph.constant({ shape, data: Float32Array.from({ length: sizeOf(shape) }, () => next() - 0.5) });
};

/** conv -> bias -> relu, twice, with a residual, and the gradient of its mean with respect to the input. */
function smallNetwork(): Computation {
  const graph = new Graph();
  const x = graph.input('x', [1, 6, 6, 4]);
  const layer = (value: Value, seed: number) =>
    add(conv2d(value, random(graph, [3, 3, 4, 4], seed), { pads: [1, 1, 1, 1] }), random(graph, [4], seed + 1));
  const first = relu(layer(x, 1));
  const second = relu(add(layer(first, 3), first));
  const loss = mean(second);
  const [dx] = gradient(loss, [x]);
  return computation({ loss, dx });
}

const feeds = { x: Float32Array.from({ length: 144 }, (_, i) => Math.sin(i)) };

function sameMeaning(before: Computation, after: Computation, label: string): void {
  const expected = interpret(before, feeds).outputs;
  const actual = interpret(after, feeds).outputs;
  for (const name of Object.keys(expected))
    close(actual[name].data, expected[name].data, { relative: 1e-12 }, `${label}: ${name}`);
}

const opsOf = ({ graph }: Computation): string[] =>
  graph.nodes.flatMap((node) => (node.kind === 'op' ? [node.op] : []));

const test = suite('passes');

test('removeDead drops what nothing asks for', () => {
  const graph = new Graph();
  const x = graph.input('x', [4]);
  neg(x);
  const after = removeDead(computation({ y: relu(x) }));
  assert.equal(opsOf(after), ['relu']);
});

test('shareCommon merges equal ops on equal inputs, and equal scalars', () => {
  const graph = new Graph();
  const x = graph.input('x', [4]);
  const after = removeDead(shareCommon(computation({ y: add(mul(x, 2), mul(x, 2)) })));
  assert.equal(opsOf(after), ['mul', 'add']);
});

test('shareCommon tells attributes apart that are no finite numbers', () => {
  const graph = new Graph();
  const x = graph.input('x', [1]);
  const framed = (value: number) => pad(x, { pads: [1, 0], value });
  const source = computation({ low: framed(Number.NEGATIVE_INFINITY), high: framed(Number.POSITIVE_INFINITY) });
  const { outputs } = interpret(shareCommon(source), { x: [5] });
  assert.equal([outputs.low.data[0], outputs.high.data[0]], [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
});

test('fold computes constants and drops what changes nothing', () => {
  const graph = new Graph();
  const x = graph.input('x', [4]);
  const three = add(graph.constant(1), graph.constant(2));
  const after = removeDead(fold(computation({ y: mul(add(reshape(reshape(x, [2, 2]), [4]), 0), three) })));
  assert.equal(opsOf(after), ['mul']);
  assert.equal([...interpret(after, { x: [1, 2, 3, 4] }).outputs.y.data], [3, 6, 9, 12]);
});

test('fold keeps an addition of zeros that stretches its operand', () => {
  const graph = new Graph();
  const x = graph.input('x', [1]);
  const after = fold(computation({ y: add(x, graph.constant({ shape: [3], data: new Float32Array(3) })) }));
  assert.equal([...interpret(after, { x: [5] }).outputs.y.data], [5, 5, 5]);
});

test('fuse makes one op of an elementwise chain', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 3]);
  const source = computation({ y: relu(sub(mul(x, 2), mul(x, x))) });
  const after = fuse(simplify(source));
  assert.equal(opsOf(after), ['fused']);
  const at = { x: [-1, 0, 0.5, 1, 2, 3] };
  assert.equal([...interpret(after, at).outputs.y.data], [...interpret(source, at).outputs.y.data]);
});

test('fuse writes no infinity into a program, for WGSL has no literal of it', () => {
  const graph = new Graph();
  const x = graph.input('x', [2]);
  const after = fuse(simplify(computation({ y: neg(max(x, Number.NEGATIVE_INFINITY)) })));
  const [node] = after.graph.nodes.filter((node): node is OpNode => node.kind === 'op');
  assert.is(node.inputs.length, 2, printComputation(after));
  assert.equal([...interpret(after, { x: [-1, 2] }).outputs.y.data], [1, -2]);
});

test('fuse does not draw in a value that is needed elsewhere', () => {
  const graph = new Graph();
  const x = graph.input('x', [4]);
  const middle = mul(x, 3);
  const after = fuse(computation({ middle, y: relu(middle) }));
  assert.is(opsOf(after).length, 2);
  assert.equal([...interpret(after, { x: [-1, 1, 2, 3] }).outputs.middle.data], [-3, 3, 6, 9]);
});

test('fuse does not grow an operand that is stretched', () => {
  const graph = new Graph();
  const x = graph.input('x', [4]);
  const y = graph.input('y', [100, 4]);
  const after = fuse(computation({ z: mul(neg(x), y) }));
  assert.equal(opsOf(after), ['neg', 'mul']);
});

test('fuse puts bias, residual and ReLU into the convolution, and the mask into its gradient', () => {
  const source = smallNetwork();
  const after = fuse(simplify(source));
  const convolutions = after.graph.nodes.filter(
    (node): node is OpNode => node.kind === 'op' && node.op.startsWith('conv2d'),
  );
  assert.is(convolutions.length, 4, printComputation(after));
  assert.is(convolutions.filter((node) => node.epilogue).length, 3, printComputation(after));
  assert.not.ok(opsOf(after).includes('relu'), printComputation(after));
  sameMeaning(source, after, 'fused');
});

/** Branches of a convolution each, the first `active` of them behind a ReLU, joined and convolved again; and dx. */
function branches(active: number, shared = false): Computation {
  const graph = new Graph();
  const x = graph.input('x', [1, 6, 6, 4]);
  const parts = [4, 8, 4].map((channels, k) => {
    const part = conv2d(x, random(graph, [1, 1, 4, channels], k));
    return k < active ? relu(part) : part;
  });
  const joined = concat(parts, 3);
  const y = conv2d(joined, random(graph, [3, 3, 16, 4], 9), { pads: [1, 1, 1, 1] });
  const [dx, djoined] = gradient(sum(mul(y, y)), [x, joined]);
  return computation(shared ? { dx, djoined } : { dx });
}
const masksOf = (what: Computation) => opsOf(what).filter((op) => op === 'reluMask').length;

test('masks before a concat become one, which is fused into the gradient of what follows', () => {
  const source = simplify(branches(3));
  assert.is(masksOf(source), 3, printComputation(source));
  const after = joinMasks(source);
  assert.is(masksOf(after), 1, printComputation(after));
  sameMeaning(source, after, 'joined');
  assert.is(masksOf(fuse(after)), 0, printComputation(fuse(after)));
  sameMeaning(source, fuse(after), 'joined and fused');
});

test('masks stay where a part has none, or where the gradient is read besides', () => {
  for (const what of [branches(2), branches(3, true)]) {
    const source = simplify(what);
    assert.is(joinMasks(source), source, printComputation(source));
  }
});

test('a comparison of a value with itself stays right when fused', () => {
  const graph = new Graph();
  const x = graph.input('x', [3]);
  const y = neg(x);
  const after = fuse(computation({ z: add(greater(y, x), mul(y, y)) }));
  assert.equal([...interpret(after, { x: [-1, 0, 2] }).outputs.z.data], [2, 0, 4]);
});

test('lower splits Fourier transforms into stages of equal meaning', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 6, 6, 4]);
  const source = computation({ y: irfft2(mul(rfft2(x), 2), 6) });
  const after = lower(source);
  assert.ok(opsOf(after).includes('fftStage'));
  sameMeaning(source, after, 'lowered');
});

/** Two convolutions of x side by side, as a network's module joins them. */
function module(read: (joined: Value, parts: readonly Value[]) => Value, filters = 8): Computation {
  const graph = new Graph();
  const x = graph.input('x', [1, 6, 6, 4]);
  const parts = [
    relu(conv2d(x, random(graph, [1, 1, 4, filters], 1))),
    relu(conv2d(x, random(graph, [3, 3, 4, 4], 2), same)),
  ];
  return computation({ y: read(concat(parts), parts) });
}
const same = { pads: [1, 1, 1, 1] } as const;
const isSliced = (source: Computation): boolean =>
  optimize(source).graph.nodes.some((node) => node.kind === 'op' && node.inSlices);

test('what a concat alone reads is written straight into it', () => {
  const before = removeDead(fuse(module((joined) => joined)));
  const after = slices(before);
  const lines = (source: Computation) => printComputation(source).split('\n');
  assert.equal(lines(before), [
    '%0 = input "x" [1,6,6,4]',
    '%1 = constant [1,1,4,8]',
    '%2 = conv2d(%0, %1) [1,6,6,8] {strides:[1,1],pads:[0,0,0,0],dilations:[1,1],groups:1} then relu($0)',
    '%3 = constant [3,3,4,4]',
    '%4 = conv2d(%0, %3) [1,6,6,4] {strides:[1,1],pads:[1,1,1,1],dilations:[1,1],groups:1} then relu($0)',
    '%5 = concat(%2, %4) [1,6,6,12] {axis:3}',
    'output "y" = %5',
  ]);
  assert.equal(lines(after), lines(before).with(5, '%5 = concat(%2, %4) [1,6,6,12] {axis:3} in slices'));
  sameMeaning(before, after, 'in slices');
  const plan = makePlan(after);
  assert.equal(
    plan.steps.map(({ node, output, slice }) => [node.op, output, slice?.first]),
    [
      ['conv2d', { kind: 'slot', index: 0 }, 0],
      ['conv2d', { kind: 'slot', index: 0 }, 8],
    ],
  );
  assert.equal(plan.slotBytes, [4 * 6 * 6 * 12]);
  assert.match(printPlan(plan), /^slot0 from channel 8 <- conv2d/m);
});

test('with the gradient, masks read what was joined, and it stays in slices', () => {
  const source = module((joined) => sum(mul(joined, joined)));
  const x = source.graph.nodes.findIndex(({ kind }) => kind === 'input');
  const [dx] = gradient(source.outputs.y, [new Value(source.graph, x)]);
  const both = computation({ ...source.outputs, dx });
  assert.ok(isSliced(both), printComputation(optimize(both)));
  sameMeaning(both, optimize(both), 'with the gradient');
});

test('a concat stays a copy where a part has another reader, no fitting channels, or no kernel for it', () => {
  assert.ok(isSliced(module((joined) => neg(joined))));
  assert.not.ok(isSliced(module((joined, [part]) => add(sum(joined), sum(part)))), 'another reader');
  assert.not.ok(isSliced(module((joined) => joined, 6)), 'six channels');
  assert.not.ok(
    isSliced(module((_, parts) => concat([...parts, neg(parts[0].graph.input('z', [1, 6, 6, 4]))]))),
    'elementwise',
  );
  assert.not.ok(isSliced(module((_, [part]) => concat([part, part]))), 'the same part twice');
  assert.not.ok(
    isSliced(module((_, parts) => concat([parts[1], relu(conv2d(parts[1], random(parts[0].graph, [1, 1, 4, 4], 3)))]))),
    'a part that the other is computed from',
  );
  assert.not.ok(
    isSliced(
      module((_, parts) =>
        concat([parts[1], parts[1].graph.constant({ shape: [1, 6, 6, 4], data: new Float32Array(144) })]),
      ),
    ),
    'a constant',
  );
  assert.not.ok(
    isSliced(
      module((_, parts) => concat([parts[1], conv2d(parts[1], random(parts[0].graph, [3, 3, 4, 4], 3), same)], 1)),
    ),
    'along rows',
  );
});

test('all passes together keep the meaning, and nothing that nobody reads', () => {
  const source = smallNetwork();
  const after = optimize(source);
  sameMeaning(source, after, 'optimized');
  assert.is(removeDead(after).graph.nodes.length, after.graph.nodes.length, printComputation(after));
});

test('the plan reuses buffers and never reads one it writes', () => {
  const plan = makePlan(optimize(smallNetwork()));
  assert.ok(plan.memory.slots < plan.memory.unshared, printPlan(plan));
  for (const { inputs, output } of plan.steps) {
    for (const place of inputs) assert.not.equal(place, output, printPlan(plan));
  }
  assert.match(printPlan(plan), /one buffer each would take/);
});

test('no buffer is overwritten before its last reader', () => {
  // Replays the plan on named buffers and checks every read against the interpreter.
  const source = optimize(smallNetwork());
  const plan = makePlan(source);
  const holder = new Map<string, number>();
  const key = (place: unknown) => JSON.stringify(place);
  for (const { node, inputs, output } of plan.steps) {
    [...node.inputs, ...(node.epilogue?.operands ?? [])].forEach((id, k) => {
      const place = inputs[k];
      if (place.kind !== 'slot') return;
      const aliasOf = (at: number): number => {
        const producer = plan.graph.nodes[at];
        return producer.kind === 'op' && producer.op === 'reshape' ? aliasOf(producer.inputs[0]) : at;
      };
      assert.is(holder.get(key(place)), aliasOf(id), `"${node.op}" reads ${key(place)}`);
    });
    holder.set(key(output), node.id);
  }
});

test('an update is written in place where nobody reads the old state afterwards, else copied at the end', () => {
  const graph = new Graph();
  const state = graph.state('s', { shape: [4], data: new Float32Array(4) });
  const next = add(state, 1);
  const direct = makePlan(computation({}, [{ state, value: next }]));
  assert.is(direct.steps.length, 1);
  assert.is(direct.steps[0].inPlace, 0);

  const late = mul(state, sum(next));
  const copied = makePlan(computation({ late }, [{ state, value: next }]));
  assert.is(copied.steps[0].inPlace, undefined);
  assert.is(copied.steps.at(-1)?.output.kind, 'state');
});

test('two states that swap their contents are both right', () => {
  const graph = new Graph();
  const a = graph.state('a', { shape: [1], data: Float32Array.of(1) });
  const b = graph.state('b', { shape: [1], data: Float32Array.of(2) });
  const plan = makePlan(
    computation({}, [
      { state: a, value: b },
      { state: b, value: a },
    ]),
  );
  const slots = plan.steps.filter(({ output }) => output.kind === 'slot');
  assert.is(slots.length, 2, printPlan(plan));
});

test('an output that is a state shows what the run began with', () => {
  const graph = new Graph();
  const state = graph.state('s', { shape: [4], data: new Float32Array(4) });
  const source = computation({ before: reshape(state, [2, 2]) }, [{ state, value: add(state, 1) }]);
  const plan = makePlan(source);
  assert.is(plan.outputs.get('before')?.kind, 'slot', printPlan(plan));
  assert.equal(plan.outputShapes.get('before'), [2, 2]);

  const fixed = new Graph().state('s', { shape: [4], data: new Float32Array(4) });
  assert.is(makePlan(computation({ fixed })).steps.length, 0, 'without an update there is nothing to keep');
});

test('a buffer last read by an update in place is used again', () => {
  const graph = new Graph();
  const x = graph.input('x', [64]);
  const updates = ['a', 'b', 'c'].map((name) => {
    const state = graph.state(name, { shape: [64], data: new Float32Array(64) });
    return { state, value: add(state, neg(mul(x, state))) };
  });
  const plan = makePlan(computation({}, updates));
  assert.is(plan.slotBytes.length, 2, printPlan(plan));
});

test('one name for two inputs or states is refused, and so are two updates of one state', () => {
  const graph = new Graph();
  const state = graph.state('s', { shape: [], data: Float32Array.of(1) });
  assert.throws(() => graph.input('s', [2]), /there is a state "s" already/);
  assert.throws(() => graph.state('s', { shape: [], data: Float32Array.of(1) }), /there is a state "s" already/);
  const twice = [add(state, 1), add(state, 2)].map((value) => ({ state, value }));
  assert.throws(() => computation({}, twice), /state "s" has two updates/);
  assert.throws(() => computation({ a: state, b: new Graph().input('x', [1]) }), /different graphs/);
});
