// objectives.test.ts: objectives and parameterizations in float64: values, gradients, and how their text is read.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { ModelError } from '../../src/models/error.ts';
import * as objectives from '../../src/viz/features/objectives.ts';
import { colorMatrix, defaultParam, fourierScale, traceParam } from '../../src/viz/features/param.ts';
import { ObjectiveError, parseObjective } from '../../src/viz/features/parse.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const SHAPES = { conv: [2, 3, 4, 5], fc: [2, 6], logits: [2, 7], image: [2, 4, 4, 3] } as const;
const next = randomNumbers(3);
const feeds = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape]) => [
    name,
    Float64Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => next()),
  ]),
);

/** Value and gradients of an objective whose "network" are plain inputs. */
function evaluate(objective: objectives.Objective, wrt: keyof typeof SHAPES, data = feeds) {
  const graph = new Graph();
  const values = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [name, graph.input(name, shape)]),
  ) as Record<keyof typeof SHAPES, Value>;
  const value = objective.evaluate({
    layer: (name) => {
      if (!Object.hasOwn(values, name)) throw new ModelError(`no layer "${name}"`);
      return values[name as keyof typeof SHAPES];
    },
    logits: values.logits,
    image: values.image,
  });
  const [slope] = gradient(value, [values[wrt]]);
  const { outputs } = interpret(computation({ value, slope }), data);
  return { value: outputs.value.data[0], slope: outputs.slope.data };
}

/** Numbers that a graph holds, such as 1/N of a mean, are float32. */
const FLOAT32 = { relative: 1e-7 };

const test = suite('objectives');

test('channel is the mean over batch and positions', () => {
  const { value, slope } = evaluate(objectives.channel('conv', 2), 'conv');
  const picked = feeds.conv.filter((_, i) => i % 5 === 2);
  close([value], [picked.reduce((a, b) => a + b) / picked.length], FLOAT32, 'value');
  close(
    slope,
    feeds.conv.map((_, i) => (i % 5 === 2 ? 1 / picked.length : 0)),
    FLOAT32,
    'gradient',
  );
});

test('neuron takes the centre by default, the lower right one of even sizes', () => {
  const centre = evaluate(objectives.neuron('conv', 1), 'conv');
  const at = (n: number, row: number, column: number) => feeds.conv[((n * 3 + row) * 4 + column) * 5 + 1];
  close([centre.value], [(at(0, 1, 2) + at(1, 1, 2)) / 2], { relative: 1e-12 }, 'centre');
  const corner = evaluate(objectives.neuron('conv', 1, 2, 0), 'conv');
  close([corner.value], [(at(0, 2, 0) + at(1, 2, 0)) / 2], { relative: 1e-12 }, 'row 2, column 0');
  assert.is(corner.slope.filter((value) => value !== 0).length, 2);
});

test('units of a layer without space are channels too', () => {
  close(
    [evaluate(objectives.channel('fc', 4), 'fc').value],
    [(feeds.fc[4] + feeds.fc[10]) / 2],
    { relative: 1e-12 },
    'value',
  );
});

test('DeepDream: d/da of the mean of squares is 2a/N', () => {
  const { slope } = evaluate(objectives.deepdream('conv'), 'conv');
  close(
    slope,
    feeds.conv.map((a) => (2 * a) / feeds.conv.length),
    FLOAT32,
    'gradient',
  );
});

test('the gradient of a probability is p_k (e_k - p)', () => {
  const { slope } = evaluate(objectives.prob(3), 'logits');
  const expected = [0, 1].flatMap((n) => {
    const exps = [...feeds.logits.subarray(7 * n, 7 * n + 7)].map(Math.exp);
    const p = exps.map((e) => e / exps.reduce((a, b) => a + b));
    return p.map((pi, i) => p[3] * ((i === 3 ? 1 : 0) - pi));
  });
  close(slope, expected, { relative: 1e-10 }, 'gradient');
});

test('penalties have their closed forms', () => {
  const flat = { ...feeds, image: new Float64Array(96).fill(0.25) };
  close([evaluate(objectives.totalVariation(), 'image', flat).value], [0], { absolute: 1e-12 }, 'tv of a flat picture');
  close([evaluate(objectives.l1(), 'image', flat).value], [24], { relative: 1e-12 }, 'l1');
  close(
    evaluate(objectives.l1(), 'image').slope,
    feeds.image.map((x) => Math.sign(x - 0.5)),
    { absolute: 1e-12 },
    'l1 gradient',
  );
  close([evaluate(objectives.l2(), 'image', flat).value], [Math.sqrt(96) / 4], { relative: 1e-6 }, 'l2');
});

test('diversity is B - 1 for equal pictures and 0 for disjoint ones', () => {
  const half = feeds.conv.slice(0, 60);
  const equal = { ...feeds, conv: Float64Array.of(...half, ...half) };
  close([evaluate(objectives.diversity('conv'), 'conv', equal).value], [1], { relative: 1e-4 }, 'equal');
  const disjoint = { ...feeds, conv: feeds.conv.map((a, i) => (i % 5 < 2 === i < 60 ? a : 0)) };
  close([evaluate(objectives.diversity('conv'), 'conv', disjoint).value], [0], { absolute: 1e-6 }, 'disjoint');
});

test('the gradient of blur is the picture less its blur', () => {
  const { slope } = evaluate(objectives.blur(), 'image');
  const at = (n: number, row: number, column: number, c: number) => feeds.image[((n * 4 + row) * 4 + column) * 3 + c];
  const expected = feeds.image.map((x, i) => {
    const [n, row, column, c] = [Math.floor(i / 48), Math.floor(i / 12) % 4, Math.floor(i / 3) % 4, i % 3];
    let [total, weights] = [0, 0];
    for (let r = Math.max(0, row - 1); r <= Math.min(3, row + 1); r++) {
      for (let s = Math.max(0, column - 1); s <= Math.min(3, column + 1); s++) {
        const weight = r === row && s === column ? 1 : 0.5;
        total += weight * at(n, r, s, c);
        weights += weight;
      }
    }
    return x - total / weights;
  });
  close(slope, expected, { relative: 1e-6 }, 'gradient');
});

test('alignment is the mean squared difference of neighbours, 0 for equal pictures', () => {
  const half = feeds.conv.slice(0, 60);
  const equal = { ...feeds, conv: Float64Array.of(...half, ...half) };
  assert.is(evaluate(objectives.alignment('conv'), 'conv', equal).value, 0);
  const apart = half.reduce((sum, a, i) => sum + (a - feeds.conv[60 + i]) ** 2, 0) / 60;
  close([evaluate(objectives.alignment('conv'), 'conv').value], [apart / 2], FLOAT32, 'value');
});

test('a label with spaces goes in quotes', () => {
  const asked: string[] = [];
  const classIndex = (label: string) => asked.push(label) - 1;
  assert.is(parseObjective("logit:'tiger cat' - prob:'x'", { classIndex }).text, 'logit:0 - prob:1');
  assert.equal(asked, ['tiger cat', 'x']);
});

test('arithmetic of objectives', () => {
  const one = evaluate(objectives.channel('conv', 0), 'conv').value;
  const two = evaluate(objectives.logit(1), 'logits').value;
  const both = objectives.channel('conv', 0).mul(2).sub(objectives.logit(1)).add(3);
  close([evaluate(both, 'conv').value], [2 * one - two + 3], { relative: 1e-12 }, 'sum');
});

test('a class of a map of logits is one channel of it', () => {
  const graph = new Graph();
  const logits = graph.input('logits', [1, 2, 2, 3]);
  const context = { layer: () => logits, logits, image: logits };
  const at = { logits: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] };
  const evaluated = (objective: objectives.Objective) =>
    interpret(computation({ value: objective.evaluate(context) }), at).outputs.value.data[0];
  assert.is(evaluated(objectives.logit(2)), 3 + 6 + 9 + 12);
  close([evaluated(objectives.prob(0))], [4 / (1 + Math.E + Math.E ** 2)], { relative: 1e-12 }, 'probability');
  assert.throws(() => evaluated(objectives.logit(3)), /classes 0 to 2; there is no class 3/);
});

for (const [text, expected] of [
  ['inception_4c/output:447', 'inception_4c/output:447'],
  ['inception_4c/output:447@3,4', 'inception_4c/output:447@3,4'],
  ['/1/Relu_output_0:3', '/1/Relu_output_0:3'],
  ['33:2', '33:2'],
  ['conv1/7x7_s2', 'conv1/7x7_s2'],
  ['logit:281', 'logit:281'],
  ['prob:5 + 2*logit:7', 'prob:5 + logit:7 * 2'],
  [
    'inception_4a/output:97 - 100*diversity(inception_4a/output)',
    'inception_4a/output:97 - diversity(inception_4a/output) * 100',
  ],
  ['conv-1:2 - 0.25*tv', 'conv-1:2 - tv * 0.25'],
  ['a:1 - (b:2 - 3)', 'a:1 - (b:2 - 3)'],
  ['-logit:3', '-logit:3'],
  ['a:1 -b:2', 'a:1 - b:2'],
  ['2 - a:1', '-a:1 + 2'],
  ['-a:1 + 2', '-a:1 + 2'],
  ["'a layer':3", 'a layer:3'],
  ['layer(33)', '33'],
] as const) {
  test(`reads "${text}"`, () => assert.is(parseObjective(text).text, expected));
}

for (const [text, message] of [
  ['', /it is empty/],
  ['a:', /should read layer:channel/],
  ['a:x', /should read layer:channel/],
  ['a:1 b:2', /"b:2" is left over/],
  ['a:1 +', /a term is missing at the end/],
  ['(a:1', /"\)" is missing at the end/],
  ['3', /a number alone/],
  ['blob(a)', /there is no function "blob"/],
  ['logit:cat', /"cat" is not a class number/],
] as const) {
  test(`refuses "${text}"`, () => {
    assert.throws(
      () => parseObjective(text),
      (error: Error) => error instanceof ObjectiveError && message.test(error.message),
    );
  });
}

test('a channel or class that is not there is named with the range', () => {
  assert.throws(
    () => evaluate(objectives.channel('conv', 5), 'conv'),
    /layer "conv" has channels 0 to 4; there is no channel 5/,
  );
  assert.throws(() => evaluate(objectives.logit(7), 'logits'), /classes 0 to 6; there is no class 7/);
  assert.throws(
    () => evaluate(objectives.neuron('conv', 0, 3, 0), 'conv'),
    /3 rows and 4 columns here; there is no position @3,0/,
  );
});

test('the colour matrix gives the covariance of natural colours', () => {
  // C Cᵀ, published with the matrix; largest column norm 0.46195.
  const c = colorMatrix();
  const covariance = c.flatMap((a) => c.map((b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  close(
    covariance,
    [0.3566, 0.3243, 0.2938, 0.3243, 0.3533, 0.3346, 0.2938, 0.3346, 0.3838],
    { absolute: 1e-4 },
    'C Cᵀ',
  );
});

test('Fourier coefficients are scaled by 1/f, the lowest ones alike', () => {
  const { data, shape } = fourierScale([8, 8], 1);
  assert.equal([...shape], [1, 8, 5, 1, 1]);
  close([data[0], data[1], data[4]], [64, 64, 16], { relative: 1e-6 }, 'first row');
  close([data[5]], [64], { relative: 1e-6 }, 'one cycle down');
});

test("the initial picture's deviation before colours and squashing is Lucid's", () => {
  // 0.015 for 64 x 64; decorrelation and the sigmoid are left out.
  const graph = new Graph();
  const { image } = traceParam(graph, {
    ...defaultParam,
    size: [64, 64],
    decorrelate: false,
    squash: 'sigmoid',
    seed: 1,
  });
  const { data } = interpret(computation({ image })).outputs.image;
  const raw = data.map((value) => Math.log(value / (1 - value)));
  const deviation = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0) / raw.length);
  assert.ok(deviation > 0.0125 && deviation < 0.0175, `deviation ${deviation}`);
});

test('a picture outside 0..1 cannot come out', () => {
  const graph = new Graph();
  const { image } = traceParam(graph, { ...defaultParam, size: [8, 8], sd: 5 });
  const { data } = interpret(computation({ image })).outputs.image;
  assert.ok(data.every((value) => value >= 0 && value <= 1));
});
