// Training on the GPU: a tiny network learns, the same each time, without making anything per step; and the network that
// comes with the project knows its classes.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { adam, sgd } from '../../src/engine/ops/index.ts';
import { Runner } from '../../src/models/run.ts';
import { findShipped, parseModel, preprocessRgb } from '../../src/models/index.ts';
import { drawings } from '../../src/training/drawings.ts';
import { countCorrect } from '../../src/training/losses.ts';
import { initialWeights, type Layer, traceForTraining } from '../../src/training/network.ts';
import { rng } from '../../src/training/random.ts';
import { oneCycle, type Source, Trainer, type TrainerOptions, train } from '../../src/training/train.ts';
import { fetchAsset } from '../support/fetch.ts';
import { suite } from '../support/suite.ts';

const test = suite('training');
let device: Device;
test.before(async () => {
  device = await openDevice();
});
test.after(() => device.close());

const size = 8;
const layers: readonly Layer[] = [
  { kind: 'conv', name: 'conv1', filters: 4, side: 3 },
  { kind: 'maxPool', name: 'pool1', side: 2 },
  { kind: 'average', name: 'pool' },
  { kind: 'dense', name: 'logits', outputs: 2 },
];

/** Noise with lines across (0) or down (1): nothing that single pixels or their mean tell. */
const lines =
  (seed: number): Source =>
  (first, count) => {
    const images = new Float32Array(count * size * size * 3);
    const labels = Array.from({ length: count }, (_, n) => (first + n) % 2);
    labels.forEach((label, n) => {
      const random = rng(seed, first + n);
      const phase = random() < 0.5 ? 0 : 1;
      for (let i = 0; i < size * size; i++) {
        const along = label === 0 ? Math.floor(i / size) : i % size;
        for (let c = 0; c < 3; c++) {
          images[(n * size * size + i) * 3 + c] = 0.6 * ((along + phase) % 2) + 0.4 * random();
        }
      }
    });
    return { images, labels };
  };

function trainerOptions(optimizer: TrainerOptions['optimizer']): TrainerOptions {
  const initial = initialWeights(layers, 3, 7);
  return {
    size: [size, size],
    classes: 2,
    batch: 8,
    network: (images) => traceForTraining(layers, images, initial),
    optimizer,
  };
}

const plan = { train: lines(1), heldOut: lines(2), heldOutCount: 100, steps: 40, epoch: 20, schedule: oneCycle(0.05) };

const optimizers: Record<string, TrainerOptions['optimizer']> = {
  adam: (parameters, gradients, lr) => adam(parameters, gradients, { lr }),
  sgd: (parameters, gradients, lr) => sgd(parameters, gradients, { lr, momentum: 0.9, nesterov: true }),
};

for (const [name, optimizer] of Object.entries(optimizers)) {
  test(`a tiny network learns with ${name}`, async () => {
    const trainer = await Trainer.create(device, trainerOptions(optimizer));
    const before = await trainer.accuracy(plan.heldOut, 100);
    const losses: number[] = [];
    const accuracies: number[] = [];
    const last = await train(trainer, {
      ...plan,
      onProgress: ({ loss, accuracy }) => {
        losses.push(loss);
        if (accuracy !== undefined) accuracies.push(accuracy);
      },
    });
    trainer.dispose();
    assert.is(losses.length, 4);
    assert.ok(losses[3] < 0.5 * losses[0], `losses ${losses}`);
    assert.is(accuracies.length, 2);
    assert.is(accuracies[1], last);
    assert.ok(last >= 0.95, `accuracy ${last}, ${before} before`);
  });
}

test('a run that was stopped and restored ends where an unbroken one does', async () => {
  const options = trainerOptions(optimizers.adam);
  const whole = await Trainer.create(device, options);
  await train(whole, plan);
  const expected = await whole.states();
  whole.dispose();

  const first = await Trainer.create(device, options);
  const stop = new AbortController();
  const onProgress = ({ step }: { step: number }) => {
    if (step === 10) stop.abort(new Error('enough'));
  };
  let reason = '';
  await train(first, { ...plan, onProgress, signal: stop.signal }).catch((error: Error) => {
    reason = error.message;
  });
  assert.is(reason, 'enough');
  const states = await first.states();
  first.dispose();

  const second = await Trainer.create(device, options);
  second.restore(states);
  await train(second, { ...plan, from: 10 });
  const actual = await second.states();
  second.dispose();
  assert.equal([...actual.keys()], [...expected.keys()]);
  for (const [name, data] of expected) assert.equal([...(actual.get(name) as Float32Array)], [...data], name);
});

test('a step makes no buffer', async () => {
  const trainer = await Trainer.create(device, trainerOptions(optimizers.adam));
  const batch = plan.train(0, 8);
  trainer.step(batch, 0.01);
  await trainer.loss();
  const before = { ...device.memory };
  for (let step = 0; step < 5; step++) trainer.step(batch, 0.01);
  assert.equal({ ...device.memory }, before);
  trainer.dispose();
  assert.is(device.memory.buffers, 0);
});

test('a loss that is no number ends the training with a word', async () => {
  const trainer = await Trainer.create(device, trainerOptions(optimizers.sgd));
  let message = '';
  await train(trainer, { ...plan, schedule: () => 1e30 }).catch((error: Error) => {
    message = error.message;
  });
  trainer.dispose();
  assert.match(message, /the loss is .* at step 10\. Train with a smaller rate/);
});

test('assets/drawings.onnx names 95 of 100 drawings that it was not trained on', async () => {
  const { file, input } = findShipped('drawings')!;
  const bytes = await fetchAsset(file);
  assert.ok(bytes.length < 1e6, `${bytes.length} bytes`);
  const model = parseModel(bytes, { name: 'drawings' });
  const [, H, W] = input;
  const [count, batch] = [300, 30];
  const runner = await Runner.create(device, model, [batch, H, W, 3]);
  let correct = 0;
  for (let from = 0; from < count; from += batch) {
    const { images, labels } = drawings(1234, from, batch);
    const { output } = await runner.run(preprocessRgb(images, model.preprocess, [H, W]).data);
    correct += countCorrect(output.data, labels);
  }
  runner.dispose();
  assert.ok(correct >= 0.95 * count, `${correct} of ${count}`);
});
