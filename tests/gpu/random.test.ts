// Random numbers and random moves on the device: the same bits as on the CPU, run after run.

import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { affineSample, randomAffine, randomNormal, randomUniform, stepCounter } from '../../src/engine/ops/index.ts';
import { uniformNumbers } from '../../src/kernels/random.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('random numbers on the device');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

test('uniform numbers are those of the CPU, bit by bit, in each of several runs', async () => {
  const key = { seed: 0xfedcba98, stream: 3 };
  const counter = stepCounter(new Graph());
  const u = randomUniform(counter.value, [10007], key);
  const program = await compile(device, computation({ u }, [counter.update]));
  for (let step = 0; step < 3; step++) {
    program.run();
    assert.ok(equalBits(await program.read('u'), uniformNumbers(10007, key, step)), `step ${step}`);
  }
  program.dispose();
});

test('a rerun from a stored step gives the same bits', async () => {
  const counter = stepCounter(new Graph());
  const z = randomNormal(counter.value, [999], { seed: 4 });
  const matrix = randomAffine(counter.value, {
    batch: 3,
    seed: 4,
    stream: 1,
    inputSize: [32, 32],
    moves: [{ jitter: 8 }, { scale: [0.9, 1, 1.1] }, { rotate: [-5, 0, 5] }],
  });
  const program = await compile(device, computation({ z, matrix }, [counter.update]));
  program.run(6);
  const first = [await program.read('z'), await program.read('matrix')];
  program.write('step', Float32Array.of(3));
  program.run(3);
  assert.ok(equalBits(await program.read('z'), first[0]));
  assert.ok(equalBits(await program.read('matrix'), first[1]));
  program.dispose();
});

test('pictures moved by jitter alone keep their bits', async () => {
  const [size, cut] = [21, 13];
  const graph = new Graph();
  const step = graph.input('step', []);
  const x = graph.input('x', [2, size, size, 3]);
  const matrix = randomAffine(step, {
    batch: 2,
    inputSize: [size, size],
    outputSize: [cut, cut],
    moves: [{ jitter: 5 }, { scale: [1] }, { rotate: [0] }, { jitter: 3 }],
  });
  const program = await compile(device, computation({ y: affineSample(x, matrix, { size: [cut, cut] }), matrix }));
  const next = randomNumbers(1);
  const data = Float32Array.from({ length: 2 * size * size * 3 }, next);
  program.write('x', data);
  for (let n = 0; n < 5; n++) {
    program.write('step', Float32Array.of(n));
    program.run();
    const m = await program.read('matrix');
    const expected = Float32Array.from({ length: 2 * cut * cut * 3 }, (_, i) => {
      const [c, q, p, k] = [
        i % 3,
        Math.floor(i / 3) % cut,
        Math.floor(i / 3 / cut) % cut,
        Math.floor(i / 3 / cut / cut),
      ];
      return data[((k * size + p + m[6 * k + 2]) * size + q + m[6 * k + 5]) * 3 + c];
    });
    assert.ok(equalBits(await program.read('y'), expected), `step ${n}`);
  }
  program.dispose();
});

function equalBits(a: Float32Array<ArrayBuffer>, b: Float32Array): boolean {
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]));
}
