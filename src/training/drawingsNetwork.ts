// drawingsNetwork.ts: the small network that comes with the project: its layers, how it was trained, its file.
// scripts/train-drawings.ts runs it; the pictures are those of drawings.ts.

import { adam } from '../engine/ops/index.ts';
import { type Preprocess, preprocessGraph } from '../models/preprocess.ts';
import { PREPROCESS_KEY } from '../models/guess.ts';
import { drawingClasses, drawings } from './drawings.ts';
import { finishedWeights, initialWeights, type Layer, toOnnx, traceForTraining, type Weights } from './network.ts';
import { oneCycle, type Source, type TrainerOptions, type TrainOptions } from './train.ts';

/** 12.5 MFLOP a picture forward. The last map sees 51 of the 64 pixels each way. */
export const drawingsLayers: readonly Layer[] = [
  { kind: 'conv', name: 'conv1', filters: 24, side: 5, stride: 2 },
  { kind: 'maxPool', name: 'pool1', side: 2 },
  { kind: 'conv', name: 'conv2', filters: 32, side: 3 },
  { kind: 'maxPool', name: 'pool2', side: 2 },
  { kind: 'conv', name: 'conv3', filters: 48, side: 3 },
  { kind: 'conv', name: 'conv4', filters: 64, side: 3 },
  { kind: 'average', name: 'pool' },
  { kind: 'dense', name: 'logits', outputs: drawingClasses.length },
];

/** About the mean and the deviation over all drawings (0.41 and 0.25), which are the same for all colours. */
export const drawingsPreprocess: Preprocess = {
  order: 'RGB',
  range: [0, 1],
  mean: [0.42, 0.42, 0.42],
  std: [0.28, 0.28, 0.28],
  size: [64, 64],
  source: 'given',
};

/** Streams of pictures: training never sees the second. */
const trainingSeed = 1;
const heldOutSeed = 2;
const weightSeed = 1;

const trainingDrawings: Source = (first, count) => drawings(trainingSeed, first, count);
export const heldOutDrawings: Source = (first, count) => drawings(heldOutSeed, first, count);

export const drawingsWeights = (): Weights => initialWeights(drawingsLayers, 3, weightSeed);

/** What a trainer of this network needs. */
export function drawingsTrainer(batch = 16): TrainerOptions {
  const initial = drawingsWeights();
  return {
    size: [64, 64],
    classes: drawingClasses.length,
    batch,
    network: (images) => traceForTraining(drawingsLayers, preprocessGraph(images, drawingsPreprocess), initial),
    optimizer: (parameters, gradients, lr) => adam(parameters, gradients, { lr }),
  };
}

/** The run that made the file. Every picture is drawn once: an epoch is only the time between two evaluations. */
export const drawingsTraining: TrainOptions = {
  train: trainingDrawings,
  heldOut: heldOutDrawings,
  heldOutCount: 320,
  steps: 2400,
  epoch: 100,
  schedule: oneCycle(0.003),
};

/** The file of the network with these states of a trainer. */
export function drawingsFile(states: ReadonlyMap<string, Float32Array>): Uint8Array {
  const trained = new Map(
    [...drawingsWeights()].map(([name, { shape, data }]) => [name, { shape, data: states.get(name) ?? data }]),
  );
  const { order, range, mean, std, size } = drawingsPreprocess;
  return toOnnx(drawingsLayers, finishedWeights(drawingsLayers, trained), {
    name: 'drawings',
    channels: 3,
    metadata: {
      [PREPROCESS_KEY]: JSON.stringify({ order, range, mean, std, size }),
      'facet.labels': JSON.stringify(drawingClasses),
    },
  });
}
