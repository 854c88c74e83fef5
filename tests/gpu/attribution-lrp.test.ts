// attribution-lrp.test.ts: every rule of layer-wise relevance propagation, against plain float64 loops.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { ChangingWeights } from '../../src/viz/attribution/changingWeights.ts';
import { type LrpRuleName, lrp, lrpRuleNames } from '../../src/viz/attribution/lrp.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { close } from '../support/close.ts';
import type { TestNode } from '../support/onnx.ts';
import { network, node, tail } from '../support/ruleNetworks.ts';
import { type Asked, explain as explainOn, type Given, noise, range, sum } from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('LRP');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}) =>
  explainOn(device, method, context, input, asked);

/** A linear layer as a list of its contributions; `taps` are the pairs that exist, beyond which nothing flows. */
interface Dense {
  /** [inputs][outputs], undefined where there is no connection. */
  readonly weight: readonly (readonly (number | undefined)[])[];
  readonly bias: readonly number[];
}
const OPTIONS = { epsilon: 1e-9, gamma: 0.25, alpha: 2 };

const forward = (a: readonly number[], { weight, bias }: Dense): number[] =>
  bias.map((b, k) => weight.reduce((total, row, j) => total + a[j] * (row[k] ?? 0), b));

/** The rules as in the paper, a loop for each. */
function flow(
  rule: LrpRuleName,
  a: readonly number[],
  layer: Dense,
  R: readonly number[],
  options = OPTIONS,
): number[] {
  const { epsilon, gamma, alpha } = options;
  const stable = (z: number) => z + (z >= 0 ? epsilon : -epsilon);
  const [up, down] = [(v: number) => Math.max(v, 0), (v: number) => Math.min(v, 0)];
  const result = a.map(() => 0);
  layer.bias.forEach((b, k) => {
    const parts = layer.weight.map((row, j) => a[j] * (row[k] ?? 0));
    const total = (part: (v: number) => number, bias: number) => parts.reduce((s, v) => s + part(v), bias);
    const share = (part: (v: number) => number, bias: number, factor: number) => {
      const z = stable(total(part, bias));
      parts.forEach((v, j) => {
        result[j] += ((factor * part(v)) / z) * R[k];
      });
    };
    const raised = (v: number) => v + gamma * up(v);
    if (rule === 'epsilon') share((v) => v, b, 1);
    if (rule === 'gamma') share(raised, raised(b), 1);
    if (rule === 'z-plus') share(up, up(b), 1);
    if (rule === 'alpha-beta') {
      share(up, up(b), alpha);
      share(down, down(b), 1 - alpha);
    }
    if (rule === 'flat') {
      const count = layer.weight.filter((row) => row[k] !== undefined).length;
      layer.weight.forEach((row, j) => {
        if (row[k] !== undefined) result[j] += R[k] / count;
      });
    }
  });
  return result;
}

/** A convolution [K,C,R,S] with stride 2 and a border of 1 over C maps of H x W, in the order of the file. */
function convolution(filters: ArrayLike<number>, bias: ArrayLike<number>, [K, C, H, W]: readonly number[]): Dense {
  const [P, Q] = [Math.floor((H - 1) / 2) + 1, Math.floor((W - 1) / 2) + 1];
  const weight = range(C * H * W).map((j) => {
    const [c, h, w] = [Math.floor(j / (H * W)), Math.floor(j / W) % H, j % W];
    return range(K * P * Q).map((o) => {
      const [k, p, q] = [Math.floor(o / (P * Q)), Math.floor(o / Q) % P, o % Q];
      const [r, s] = [h - 2 * p + 1, w - 2 * q + 1];
      return r >= 0 && r < 3 && s >= 0 && s < 3 ? filters[((k * C + c) * 3 + r) * 3 + s] : undefined;
    });
  });
  return { weight, bias: range(K * P * Q).map((o) => bias[Math.floor(o / (P * Q))]) };
}

/** conv (stride 2) -> ReLU -> dense, over two maps of 5 x 6; and what the loops make of it. */
function twoLayers(withBias: boolean, norm: 'none' | 'nodes' | 'swapped' | 'batch' = 'none') {
  const [K, C, H, W] = [4, 2, 5, 6];
  const filters = noise(K * C * 9, 21);
  const bias = noise(K, 22).map((v) => (withBias ? 0.5 * v : 0));
  const [scale, shift] = [noise(K, 23).map((v) => 1 + 0.8 * v), noise(K, 24)];
  const votes = noise(K * 9 * 3, 25);
  const offsets = noise(3, 26).map((v) => (withBias ? 0.4 * v : 0));
  const isNormed = norm !== 'none';
  const between: Record<typeof norm, TestNode[]> = {
    none: [],
    nodes: [node('Mul', 'c scale', 'm'), node('Add', 'm shift', 'n')],
    swapped: [node('Mul', 'scale c', 'm'), node('Add', 'shift m', 'n')],
    batch: [node('BatchNormalization', 'c scaleB shiftB zero one', 'n', { epsilon: { float: 1e-12 } })],
  };
  const model = network(
    [
      node('Conv', 'x filters bias', 'c', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
      ...between[norm],
      node('Relu', isNormed ? 'n' : 'c', 'd'),
      node('Flatten', 'd', 'f', { axis: 1 }),
      node('Gemm', 'f votes offsets', 'y'),
    ],
    {
      filters: [[K, C, 3, 3], filters],
      bias: [[K], bias],
      votes: [[K * 9, 3], votes],
      offsets: [[3], offsets],
      ...(isNormed && { scale: [[1, K, 1, 1], scale], shift: [[1, K, 1, 1], shift] }),
      ...(norm === 'batch' && {
        scaleB: [[K], scale],
        shiftB: [[K], shift],
        zero: [[K], new Float32Array(K)],
        one: [[K], new Float32Array(K).fill(1)],
      }),
    },
    [C, H, W],
  );
  const folded = isNormed
    ? [filters.map((v, i) => v * scale[Math.floor(i / (C * 9))]), bias.map((v, k) => v * scale[k] + shift[k])]
    : [filters, bias];
  const first = convolution(folded[0], folded[1], [K, C, H, W]);
  const second: Dense = { weight: range(K * 9).map((j) => range(3).map((k) => votes[3 * j + k])), bias: [...offsets] };
  /** x in the order of the file. */
  const expected = (x: readonly number[], rule: LrpRuleName, target: number, options = OPTIONS): number[] => {
    const hidden = forward(x, first).map((v) => Math.max(0, v));
    const R = forward(hidden, second).map((v, k) => (k === target ? v : 0));
    const [early, late]: LrpRuleName[] = rule === 'composite' ? ['flat', 'epsilon'] : [rule, rule];
    return flow(early, x, first, flow(late, hidden, second, R, options), options);
  };
  return { context: { model, size: [H, W] as const }, expected, C, H, W };
}

/** [C,H,W] -> [H,W,C] */
const channelsLast = (x: readonly number[], { C, H, W }: { C: number; H: number; W: number }): Float32Array =>
  Float32Array.from({ length: C * H * W }, (_, i) => x[(i % C) * H * W + Math.floor(i / C)]);

for (const withBias of [false, true]) {
  test(`LRP, every rule as plain loops have it${withBias ? ', with biases' : ' and without loss'}`, async () => {
    const net = twoLayers(withBias);
    for (const isMixed of [true, false]) {
      const x = [...noise(60, 27)].map((v) => (isMixed ? v : Math.abs(v)));
      for (const rule of lrpRuleNames) {
        const found = await explain(lrp, net.context, channelsLast(x, net), { rule, target: 2 });
        const expected = net.expected(x, rule, 2);
        close(found.values, expected, { relative: 2e-5 }, `${rule}, inputs of ${isMixed ? 'both signs' : 'one sign'}`);
        close([sum(found.values)], [sum(expected)], { absolute: 2e-5 * sum(expected.map(Math.abs)) }, `${rule}: sum`);
        // Rules for one sign lose what reaches units with nothing of that sign; there is none here.
        if (!withBias && rule !== 'z-plus' && rule !== 'alpha-beta') {
          const terms = sum(found.values.map(Math.abs));
          close([sum(found.values)], [found.score], { absolute: 2e-6 * terms + 1e-6 }, `${rule} keeps the score`);
        }
      }
    }
  });
}

test('LRP: rules meet where their numbers say so', async () => {
  const net = twoLayers(true);
  const x = channelsLast([...noise(60, 28)], net);
  const of = async (options: Asked) => (await explain(lrp, net.context, x, options)).values;
  const zPlus = await of({ rule: 'z-plus' });
  close(await of({ rule: 'alpha-beta', alpha: 1 }), zPlus, { absolute: 0 }, 'alpha 1');
  const epsilon = await of({ rule: 'epsilon' });
  close(await of({ rule: 'gamma', gamma: 0 }), epsilon, { relative: 1e-5 }, 'gamma 0');
  close(await of({ rule: 'gamma', gamma: 1e5 }), zPlus, { relative: 1e-3 }, 'large gamma');
  const strong = net.expected([...noise(60, 28)], 'epsilon', 1, { ...OPTIONS, epsilon: 0.5 });
  close(await of({ rule: 'epsilon', epsilon: 0.5 }), strong, { relative: 2e-5 }, 'epsilon 0.5');
});

for (const norm of ['nodes', 'swapped', 'batch'] as const) {
  test(`LRP: normalization behind a convolution is part of it (${norm})`, async () => {
    const net = twoLayers(true, norm);
    const x = [...noise(60, 29)];
    for (const rule of lrpRuleNames) {
      const { values } = await explain(lrp, net.context, channelsLast(x, net), { rule, target: 0 });
      close(values, net.expected(x, rule, 0), { relative: 2e-5 }, rule);
    }
    // Nor does it matter that weights are states, as where they are drawn anew: statistics then stand beside them.
    const weights = await ChangingWeights.create({ device, ...net.context });
    for (const rule of lrpRuleNames) {
      const { values } = await explain(lrp, weights.context, channelsLast(x, net), { rule, target: 0 });
      close(values, net.expected(x, rule, 0), { relative: 2e-5 }, `${rule}, weights as states`);
    }
    weights.dispose();
  });
}

test('LRP: a maximum gives all to its winner, a sum gives each its share, nothing changes sign', async () => {
  const maxima = network(
    [node('MaxPool', 'x', 'p', { kernel_shape: [2, 2], strides: [2, 2] }), ...tail('p', 4)[0]],
    tail('p', 4)[1],
    [1, 4, 4],
  );
  const x = noise(16, 31).map((v) => Math.abs(v));
  const { values, score } = await explain(lrp, { model: maxima, size: [4, 4] }, x, { rule: 'epsilon' });
  for (const window of range(4)) {
    const at = range(4).map((k) => 4 * (2 * (window >> 1) + (k >> 1)) + 2 * (window & 1) + (k & 1));
    const winner = at.reduce((best, i) => (x[i] > x[best] ? i : best));
    for (const i of at) assert.is(values[i] !== 0, i === winner);
  }
  close([sum(values)], [score], { absolute: 1e-6 }, 'sum');
  // y = (2 + 3) x as two branches, one through a negation of a negation, one through a global maximum with ties.
  const branches = network(
    [
      node('Mul', 'x two', 'a'),
      node('Neg', 'x', 'n'),
      node('Mul', 'n minus', 'b'),
      node('Add', 'a b', 's'),
      node('GlobalMaxPool', 's', 'g'),
      ...tail('g', 1)[0],
    ],
    { two: [[1], [2]], minus: [[1], [-3]], ...tail('g', 1)[1] },
    [1, 1, 3],
  );
  const tied = await explain(lrp, { model: branches, size: [1, 3] }, Float32Array.of(0.7, 0.2, 0.7));
  close(tied.values, [tied.score / 2, 0, tied.score / 2], { absolute: 1e-6 }, 'ties share');
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
