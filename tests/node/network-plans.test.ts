// network-plans.test.ts: what the plans of whole networks are like, without running them: activations lie channels-last
// throughout, whatever the file's order, and buffers are shared.

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { square, sum } from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { makePlan, type Plan } from '../../src/engine/plan.ts';
import { printPlan } from '../../src/engine/print.ts';
import type { Attrs } from '../../src/kernels/index.ts';
import { type Model, parseModel } from '../../src/models/index.ts';
import { networks } from '../support/networks.ts';
import { sharedBytes } from '../support/shared.ts';
import { suite, tell } from '../support/suite.ts';

interface Plans {
  readonly forward: Plan;
  /** Output, and gradient of the sum of its squares with respect to the input. */
  readonly both: Plan;
}

function plansOf(model: Model, [H, W] = model.nominalSize): Plans {
  const graph = new Graph();
  const x = graph.input('x', [1, H, W, model.input.channels]);
  const y = model.trace(x).output;
  const [dx] = gradient(sum(square(y)), [x]);
  return { forward: makePlan(optimize(computation({ y }))), both: makePlan(optimize(computation({ y, dx }))) };
}

/** Transposes at run time that move channels from the last place; others take whole pixels along. */
const movesOfChannels = ({ steps }: Plan): string[] =>
  steps.flatMap(({ node }) => {
    if (node.op !== 'transpose') return [];
    const { permutation } = node.attrs as Attrs<'transpose'>;
    const last = permutation.length - 1;
    return permutation[last] === last ? [] : [`${node.label ?? '?'} [${node.shape}] from axes [${permutation}]`];
  });

const fixture = (file: string): Model =>
  parseModel(readFileSync(`tests/fixtures/networks/${file}.onnx`), { name: file });
const shared = (file: string): Model => parseModel(sharedBytes(`data/models/${file}.onnx`), { name: file });

const layouts = suite('channels stay last');

for (const file of [
  'googlenet-bvlc',
  'squeezenet1_1-zoo',
  'squeezenet1_1-caffe',
  'mobilenet_v2-qat',
  'cifar10-resnet4b-adv',
  'cifar10-twin-robust',
]) {
  layouts(`${file}: nothing is moved, forward or backward`, () => {
    const { forward, both } = plansOf(shared(file));
    assert.equal(movesOfChannels(forward), []);
    assert.equal(movesOfChannels(both), []);
  });
}

/** Moves of channels in the output's plan, and in that of output and gradient. */
const least: Readonly<Record<string, readonly [forward: number, both: number]>> = {
  'residual-folded-opset9': [0, 0],
  'residual-kept-opset12': [0, 0],
  'squeeze-excite-opset14': [0, 0],
  'activations-opset15': [0, 0],
  // Two channel shuffles.
  'shuffled-dense-opset12': [2, 4],
  // A pixel shuffle.
  'decoder-opset11': [1, 2],
  // Written with a permutation before and behind each block, and around each normalization.
  'convnext-opset17': [0, 0],
};

for (const [file, [forward, both]] of Object.entries(least)) {
  layouts(`${file}: ${forward} moves forward, ${both} with the gradient`, () => {
    const row = networks.find((each) => each.file === file);
    const plans = plansOf(fixture(file), row?.input.slice(2) as [number, number]);
    assert.is(movesOfChannels(plans.forward).length, forward, movesOfChannels(plans.forward).join('\n'));
    assert.is(movesOfChannels(plans.both).length, both, movesOfChannels(plans.both).join('\n'));
  });
}

layouts('those files do turn their axes', () => {
  const turned = ['shuffled-dense-opset12', 'convnext-opset17'].map(
    (file) => fixture(file).layers.filter(({ op }) => op === 'Transpose').length,
  );
  assert.equal(turned, [2, 12]);
});

const memory = suite('memory of a plan');

/** What a plan says of itself: MiB of its buffers for intermediate values, and of as many as there are values. */
function printedMemory(plan: Plan): { shared: number; unshared: number } {
  const text = printPlan(plan);
  const found = /intermediate values: ([\d.]+) MiB in \d+ buffers; one buffer each would take ([\d.]+) MiB/.exec(text);
  assert.ok(found, text.slice(-400));
  return { shared: Number(found?.[1]), unshared: Number(found?.[2]) };
}

for (const what of ['forward', 'both'] as const) {
  const title = what === 'both' ? 'with the input gradient' : 'forward';
  memory(`GoogLeNet ${title} at 224 px: less than half of its activations`, async () => {
    const plan = plansOf(shared('googlenet-bvlc'), [224, 224])[what];
    const { shared: bytes, unshared } = printedMemory(plan);
    await tell(`GoogLeNet ${title} at 224 px: ${bytes} MiB planned, ${unshared} MiB with a buffer for each value`);
    assert.ok(bytes < 0.5 * unshared, `${bytes} MiB of ${unshared} MiB`);
    // What is printed is what is planned: the sum of the buffers, and of all values computed at a replay.
    const sizes = plan.slotBytes.reduce((total, each) => total + each, 0);
    assert.is(bytes, Number((sizes / 2 ** 20).toFixed(2)));
    assert.is(plan.memory.slots, sizes);
    const written = plan.steps.filter(({ output }) => output.kind === 'slot');
    const values = written.reduce(
      (total, { node }) => total + 4 * node.shape.reduce((product, d) => product * d, 1),
      0,
    );
    assert.is(plan.memory.unshared, values);
  });
}
