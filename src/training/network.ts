// network.ts: small networks as a list of layers, each fed by the one before: their first weights, their trace, their
// file. Not for networks that someone else made: those come through src/models.

import { computation, Graph, type Tensor, type Value } from '../engine/graph.ts';
import { interpret } from '../engine/interpret.ts';
import { add, conv2d, div, matmul, maxPool, mean, mul, relu, sqrt, square, sub } from '../engine/ops/index.ts';
import { sizeOf } from '../kernels/shape.ts';
import { OpError } from '../kernels/types.ts';
import { exportComputation } from '../models/onnx/exportGraph.ts';
import { normals, rng } from './random.ts';

export type Layer = ConvLayer | PoolLayer | AverageLayer | DenseLayer;

/** Convolution that keeps the size up to its stride, bias, ReLU: the values `NAME_pre` and `NAME`. */
interface ConvLayer {
  readonly kind: 'conv';
  readonly name: string;
  readonly filters: number;
  /** Side of the filter, odd. */
  readonly side: number;
  /** 1 by default. */
  readonly stride?: number;
}
/** Maximum of squares that do not overlap. */
interface PoolLayer {
  readonly kind: 'maxPool';
  readonly name: string;
  readonly side: number;
}
/** Mean over the picture: [N,H,W,C] -> [N,C]. */
interface AverageLayer {
  readonly kind: 'average';
  readonly name: string;
}
/** Matrix and bias: [N,C] -> [N,outputs]. */
interface DenseLayer {
  readonly kind: 'dense';
  readonly name: string;
  readonly outputs: number;
}

/** `NAME.weight` ([R,S,C,K] of a convolution, [C,outputs] of a dense layer), `NAME.bias`, in training `NAME.gain`. */
export type Weights = ReadonlyMap<string, Tensor>;

const padsOf = ({ side }: ConvLayer) => [side >> 1, side >> 1, side >> 1, side >> 1] as const;
const stridesOf = ({ stride = 1 }: ConvLayer) => [stride, stride] as const;

// --- weights ---------------------------------------------------------------------------------------------------------

/** Weights to start training from: normal with variance 1 / fan-in; biases 0, gains 1. A random stream for each layer. */
export function initialWeights(layers: readonly Layer[], channels: number, seed: number): Weights {
  const weights = new Map<string, Tensor>();
  let width = channels;
  layers.forEach((layer, stream) => {
    if (layer.kind !== 'conv' && layer.kind !== 'dense') return;
    const shape = layer.kind === 'conv' ? [layer.side, layer.side, width, layer.filters] : [width, layer.outputs];
    width = shape[shape.length - 1];
    const deviation = Math.sqrt(width / sizeOf(shape));
    const data = normals(rng(seed, stream), sizeOf(shape), deviation);
    weights.set(`${layer.name}.weight`, { shape, data });
    weights.set(`${layer.name}.bias`, { shape: [width], data: new Float32Array(width) });
    if (layer.kind === 'conv')
      weights.set(`${layer.name}.gain`, { shape: [width], data: new Float32Array(width).fill(1) });
  });
  return weights;
}

/** A ReLU of a standard normal number has this variance; dividing by its root keeps variance 1 from layer to layer. */
const RELU_VARIANCE = (1 - 1 / Math.PI) / 2;
const EPSILON = 1e-6;

/**
 * The filters that training convolves with: each of w: [R,S,C,K] shifted to mean 0, scaled to a fixed length, times its
 * gain: [K] (scaled weight standardization: Brock, De and Smith, "Characterizing signal propagation to close the performance
 * gap in unnormalized ResNets", 2021, section 4.2). It steadies training as batch normalization does, but costs a pass
 * over the weights in place of four over the activations, and the network is the same in training and in use.
 */
export function standardize(w: Value, gain: Value): Value {
  const [R, S, C] = w.shape;
  const axes = [0, 1, 2];
  const centred = sub(w, mean(w, axes, { keepDims: true }));
  const variance = mean(square(centred), axes, { keepDims: true });
  const unit = div(centred, sqrt(add(variance, EPSILON)));
  return mul(unit, mul(gain, 1 / Math.sqrt(R * S * C * RELU_VARIANCE)));
}

/** Weights as the network uses them after training: gains and standardization inside the filters. */
export function finishedWeights(layers: readonly Layer[], trained: Weights): Weights {
  const finished = new Map<string, Tensor>();
  for (const layer of layers) {
    if (layer.kind !== 'conv' && layer.kind !== 'dense') continue;
    const [weight, bias] = [`${layer.name}.weight`, `${layer.name}.bias`];
    finished.set(weight, layer.kind === 'conv' ? standardizedTensor(trained, layer.name) : find(trained, weight));
    finished.set(bias, find(trained, bias));
  }
  return finished;
}

function standardizedTensor(trained: Weights, name: string): Tensor {
  const graph = new Graph();
  const filters = standardize(
    graph.constant(find(trained, `${name}.weight`)),
    graph.constant(find(trained, `${name}.gain`)),
  );
  const { shape, data } = interpret(computation({ filters }), {}).outputs.filters;
  return { shape, data: Float32Array.from(data) };
}

function find(weights: Weights, name: string): Tensor {
  const tensor = weights.get(name);
  if (tensor) return tensor;
  throw new OpError(`network: there is no weight "${name}". Known are ${[...weights.keys()].join(', ')}.`);
}

// --- trace -----------------------------------------------------------------------------------------------------------

/** The layers over x: [N,H,W,C]; the result is the last one's. `weight` gives each finished weight in the graph. */
function traceLayers(layers: readonly Layer[], x: Value, weight: (name: string) => Value): Value {
  return layers.reduce((input, layer) => traceLayer(layer, input, weight), x);
}

/** The layers with states for weights, as training needs them. */
export function traceForTraining(
  layers: readonly Layer[],
  x: Value,
  initial: Weights,
): { logits: Value; parameters: Value[] } {
  const states = new Map([...initial].map(([name, tensor]) => [name, x.graph.state(name, tensor)]));
  const state = (name: string): Value => states.get(name) as Value;
  const weight = (name: string): Value => {
    const gain = states.get(name.replace(/weight$/, 'gain'));
    return name.endsWith('.weight') && gain ? standardize(state(name), gain) : state(name);
  };
  return { logits: traceLayers(layers, x, weight), parameters: [...states.values()] };
}

function traceLayer(layer: Layer, x: Value, weight: (name: string) => Value): Value {
  const { name } = layer;
  switch (layer.kind) {
    case 'conv': {
      const sums = conv2d(x, weight(`${name}.weight`), { strides: stridesOf(layer), pads: padsOf(layer) });
      return relu(add(sums, weight(`${name}.bias`), `${name}_pre`), name);
    }
    case 'maxPool':
      return maxPool(x, { kernel: [layer.side, layer.side], strides: [layer.side, layer.side], label: name });
    case 'average':
      return mean(x, [1, 2], { label: name });
    case 'dense':
      if (x.shape.length === 2) return add(matmul(x, weight(`${name}.weight`)), weight(`${name}.bias`), name);
      throw new OpError(`network: the dense layer "${name}" takes [N,C]. Put a layer of kind "average" before it.`);
  }
}

// --- file ------------------------------------------------------------------------------------------------------------

interface FileOptions {
  readonly name: string;
  /** Channels of the pictures. */
  readonly channels: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The network as an ONNX file: values are called as the layers, filters are [K,C,R,S], N, H and W are open. */
export function toOnnx(
  layers: readonly Layer[],
  finished: Weights,
  { name, channels, metadata }: FileOptions,
): Uint8Array {
  const end = layers[layers.length - 1];
  if (end?.kind !== 'dense')
    throw new OpError('toOnnx: the last layer must be of kind "dense": its outputs are the logits.');
  // The file leaves the size open; what is traced must only be large enough for every layer.
  const side = layers.reduce((size, layer) => size * reductionOf(layer), 4);
  const x = new Graph().input('input', [1, side, side, channels]);
  const parameters = new Map<string, { readonly value: Value }>();
  const logits = traceLayers(layers, x, (weight) => {
    const value = x.graph.constant(find(finished, weight));
    parameters.set(weight, { value });
    return value;
  });
  const logitsOnly = computation({ [end.name]: logits });
  return exportComputation(logitsOnly, { name, parameters, metadata, batch: 'open', size: 'open' });
}

/** How many times smaller a layer makes a picture each way. */
function reductionOf(layer: Layer): number {
  if (layer.kind === 'conv') return layer.stride ?? 1;
  return layer.kind === 'maxPool' ? layer.side : 1;
}
