// Optimizers against PyTorch 1.13 in float64: five steps on f(p) = sum w p^2 + product of p, p from [0.5, -1.25, 2].

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph, type Update, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { adam, add, mul, sgd, stepCounter, sum } from '../../src/engine/ops/index.ts';
import { close } from '../support/close.ts';
import { suite } from '../support/suite.ts';

type Optimizer = (params: Value[], grads: Value[], graph: Graph) => Update[];

/** The parameters after each of five steps, states fed back by name. */
function train(optimizer: Optimizer, feeds: Record<string, number[]> = {}): number[][] {
  const graph = new Graph();
  const params = [0.5, -1.25, 2].map((v, i) => graph.state(`p${i}`, { shape: [], data: Float32Array.of(v) }));
  const weighted = params.map((p, i) => mul([1, 2, 0.25][i], mul(p, p)));
  const loss = add(
    weighted.reduce((a, b) => add(a, b)),
    mul(mul(params[0], params[1]), params[2]),
  );
  const what = computation({ loss }, optimizer(params, gradient(sum(loss), params), graph));
  let states: Record<string, ArrayLike<number>> = {};
  return Array.from({ length: 5 }, () => {
    const run = interpret(what, { ...feeds, ...states });
    states = Object.fromEntries(Object.entries(run.states).map(([name, { data }]) => [name, data]));
    return params.map((p) => states[p.label as string][0]);
  });
}

/** Learning rates and decays are float32 constants of the graph, off by 3e-8 of themselves. */
const ROUNDED_CONSTANTS = 3e-7;

const rows: [name: string, optimizer: Optimizer, steps: number[][]][] = [
  [
    'Adam',
    (p, g) => adam(p, g, { lr: 0.05 }),
    [
      [0.55, -1.2, 1.950000001],
      [0.599530138, -1.150122922, 1.900413805],
      [0.648125796, -1.100460056, 1.851567184],
      [0.695168693, -1.051109269, 1.803803368],
      [0.73985804, -1.002174212, 1.757452478],
    ],
  ],
  [
    'Adam with other decays',
    (p, g) => adam(p, g, { lr: 0.1, beta1: 0.5, beta2: 0.9, eps: 1e-3 }),
    [
      [0.599933378, -1.150024994, 1.900265957],
      [0.691994629, -1.052347412, 1.807216156],
      [0.767620384, -0.95848881, 1.724689769],
      [0.816520762, -0.869684815, 1.653034249],
      [0.830502732, -0.786644562, 1.587143404],
    ],
  ],
  [
    'plain descent',
    (p, g) => sgd(p, g, { lr: 0.1 }),
    [
      [0.65, -0.85, 1.9625],
      [0.6868125, -0.6375625, 1.919625],
      [0.671838091, -0.514379745, 1.867432339],
      [0.63352741, -0.434089065, 1.808618713],
      [0.585332089, -0.375034392, 1.745688509],
    ],
  ],
  [
    'momentum with weight decay',
    (p, g) => sgd(p, g, { lr: 0.05, momentum: 0.9, weightDecay: 0.01 }),
    [
      [0.57475, -1.049375, 1.98025],
      [0.688163867, -0.715320247, 1.942135039],
      [0.790538305, -0.338074618, 1.882920008],
      [0.835054572, -0.00519561, 1.794975067],
      [0.791662528, 0.22049211, 1.670269686],
    ],
  ],
  [
    'Nesterov momentum',
    (p, g) => sgd(p, g, { lr: 0.05, momentum: 0.9, nesterov: true }),
    [
      [0.6425, -0.87, 1.964375],
      [0.743530594, -0.497300539, 1.908982313],
      [0.764294138, -0.207543569, 1.822623822],
      [0.697899004, -0.025874399, 1.699708845],
      [0.561484721, 0.060096829, 1.54393562],
    ],
  ],
];

const test = suite('optimizers');

for (const [name, optimizer, steps] of rows) {
  test(`${name} steps as PyTorch does`, () => {
    close(train(optimizer).flat(), steps.flat(), { relative: ROUNDED_CONSTANTS }, name);
  });
}

test('the learning rate can be an input', () => {
  const fixed = train((p, g) => adam(p, g, { lr: 0.125 }));
  const given = train((p, g, graph) => adam(p, g, { lr: graph.input('lr', []) }), { lr: [0.125] });
  assert.equal(given, fixed);
});

test('a step counter counts runs from 0', () => {
  const { value, update } = stepCounter(new Graph());
  const what = computation({ value }, [update]);
  assert.equal([...interpret(what).outputs.value.data], [0]);
  assert.equal([...interpret(what, { step: [41] }).states.step.data], [42]);
});

test('what is no state cannot be optimized', () => {
  const x = new Graph().input('x', [2]);
  assert.throws(() => sgd(x, x, { lr: 1 }), /parameter 0 is no state/);
});
