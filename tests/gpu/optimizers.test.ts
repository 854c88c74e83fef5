// Optimizer states on the device: several replays in one submit against the interpreter, states fed back.

import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { adam, mul, sgd, sigmoid, sub, sum } from '../../src/engine/ops/index.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const STEPS = 8;
/** Roundings of a step: one for each elementwise op, a few more for division, square root and exp. */
const ROUNDINGS_PER_STEP = 40;

const test = suite('optimizers on the device');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

for (const [name, optimizer] of Object.entries({ adam, sgd })) {
  test(`${STEPS} replays of ${name}`, async () => {
    const next = randomNumbers(5);
    const numbers = () => ({ shape: [6, 4], data: Float32Array.from({ length: 24 }, () => 2 * next() - 1) });
    const graph = new Graph();
    const p = graph.state('p', numbers());
    const off = sub(sigmoid(p), graph.constant(numbers()));
    const loss = sum(mul(off, off));
    const options = name === 'sgd' ? { lr: 0.1, momentum: 0.9, nesterov: true } : { lr: 0.1 };
    const what = computation({ loss }, optimizer([p], gradient(loss, [p]), options));
    let states: Record<string, ArrayLike<number>> = {};
    for (let n = 0; n < STEPS; n++) {
      const run = interpret(what, states);
      states = Object.fromEntries(Object.entries(run.states).map(([key, { data }]) => [key, data]));
    }
    const program = await compile(device, what);
    program.run(STEPS);
    close(await program.read('p'), states.p, { relative: STEPS * ROUNDINGS_PER_STEP * 2 ** -24 }, 'parameters');
    program.dispose();
  });
}
