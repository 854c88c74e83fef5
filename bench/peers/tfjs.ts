// tfjs.ts: TensorFlow.js with its WebGPU backend: eager ops on NHWC, gradients by its tape, all within `tidy`.

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-backend-webgpu';
import { sizeOf } from '../../src/kernels/shape.ts';
import * as data from '../data.ts';
import { type ConvSpec, outputSize, type Work } from '../peerWorks.ts';
import { fromFileFilter } from './layout.ts';
import { type Network, type Networks, type Peer, type Prepared, Unsupported } from './peer.ts';
import { type NetworkOps, type Pads, type Walk, walk, weightNames, type WindowAttrs } from './walk.ts';

type Weights = ReadonlyMap<string, tf.Tensor>;
type Of<K extends Work['kind']> = Extract<Work, { kind: K }>;

function padsOf([top, left, bottom, right]: Pads): tf.Pads {
  if (top === left && left === bottom && bottom === right) return top;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/** Weights on the device, filters as [R,S,C,K]. */
function upload({ graph }: Network): Weights {
  const weights = new Map<string, tf.Tensor>();
  for (const name of weightNames(graph)) {
    const tensor = graph.initializers.get(name);
    if (!tensor) continue;
    const numbers = Float32Array.from(tensor.data);
    const { data, shape } =
      tensor.shape.length === 4 ? fromFileFilter(numbers, tensor.shape) : { data: numbers, shape: [...tensor.shape] };
    weights.set(name, tf.tensor(data, shape));
  }
  return weights;
}

/** `isFused`: convolution, bias and ReLU as one op, of which the gradient is known too. */
const opsOf = (weights: Weights, isFused = true): NetworkOps<tf.Tensor> => ({
  weight: (name) => weights.get(name) as tf.Tensor,
  keep: (x) => x,
  sizeOf: ({ shape }) => [shape[1], shape[2]],
  conv(x, filter, bias, { strides, pads, groups }, isRelu) {
    if (groups !== 1) throw new Unsupported('TensorFlow.js has no convolution in groups');
    const pad = padsOf(pads);
    if (isFused) return tf.fused.conv2d({ x, filter, strides, pad, bias, activation: isRelu ? 'relu' : 'linear' });
    const y = tf.conv2d(x, filter, strides, pad);
    const sum = bias ? tf.add(y, bias) : y;
    return isRelu ? tf.relu(sum) : sum;
  },
  relu: (x) => tf.relu(x),
  maxPool: (x, { kernel, strides, pads }: WindowAttrs) => tf.maxPool(x, kernel, strides, padsOf(pads)),
  globalAverage: (x) => tf.mean(x, [1, 2]),
  concat: (list) => tf.concat([...list], 3),
  // ONNX divides alpha by the size, TensorFlow does not.
  lrn: (x, { size, alpha, beta, bias }) => tf.localResponseNormalization(x, (size - 1) / 2, bias, alpha / size, beta),
  dense: (x, w, b) => (b ? tf.add(tf.matMul(x, w, false, true), b) : tf.matMul(x, w, false, true)),
});

export class Tfjs implements Peer {
  readonly version = tf.version_core;

  static async open(): Promise<Tfjs> {
    if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js finds no WebGPU');
    await tf.ready();
    return new Tfjs();
  }

  async prepare(work: Work, networks: Networks): Promise<Prepared> {
    switch (work.kind) {
      case 'matmul': {
        const { a, b } = data.matmulData(work.size);
        const shape = [work.size, work.size];
        return prepared([tf.tensor(a, shape), tf.tensor(b, shape)], ([x, y]) => tf.matMul(x, y));
      }
      case 'conv':
      case 'convInput':
        return convolution(work);
      case 'irfft2':
        return inverseFourier(work);
      case 'dispatches':
        return prepared([tf.tensor(data.uniform(9, work.size), [work.size])], ([x]) => {
          let value = x;
          for (let i = 0; i < work.count; i++) value = tf.relu(value);
          return value;
        });
      case 'integratedGradients':
        throw new Unsupported('one gradient after another');
      case 'fourierVisualization':
        throw new Unsupported('compared in pixels only');
      default:
        return onNetwork(work, await networks(work.network));
    }
  }
}

async function idle(): Promise<void> {
  const backend = tf.backend();
  // What its reading of a result does: ends the pass that dispatches are collected in, and submits it.
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.device.queue.onSubmittedWorkDone();
}

/** What is computed from tensors that are on the device, anew in each run. */
function prepared(inputs: tf.Tensor[], f: (inputs: tf.Tensor[]) => tf.Tensor, weights?: Weights): Prepared {
  let last: tf.Tensor | undefined;
  return {
    run() {
      last?.dispose();
      last = tf.tidy(() => f(inputs));
    },
    idle,
    result: async () => (await (last as tf.Tensor).data()).slice(),
    dispose() {
      last?.dispose();
      for (const tensor of [...inputs, ...(weights?.values() ?? [])]) tensor.dispose();
    },
  };
}

function convolution({ kind, conv }: Of<'conv' | 'convInput'>): Prepared {
  const { x, w, dy } = data.convData({ kind, conv });
  const { size, channels, filters, taps, stride, pad, groups } = conv;
  const strides = [stride, stride] as const;
  const isDepthwise = groups > 1;
  const filter = tf.tensor(w, isDepthwise ? [taps, taps, channels, 1] : [taps, taps, channels, filters]);
  if (kind === 'conv') {
    return prepared([tf.tensor(x, [1, size, size, channels]), filter], ([x, w]) =>
      isDepthwise ? tf.depthwiseConv2d(x, w, strides, pad) : tf.conv2d(x, w, strides, pad),
    );
  }
  const side = outputSize(conv);
  return prepared([tf.tensor(dy, [1, side, side, filters]), filter], ([dy, filter]) => inputGradient(dy, filter, conv));
}

function inputGradient(dy: tf.Tensor, filter: tf.Tensor, { size, channels, stride, pad, groups }: ConvSpec): tf.Tensor {
  const inputShape = [1, size, size, channels];
  if (groups === 1) return tf.conv2dTranspose(dy, filter, inputShape, [stride, stride], pad);
  const attrs = { strides: [stride, stride], pad, dilations: [1, 1], inputShape };
  return tf.engine().runKernel('DepthwiseConv2dNativeBackpropInput', { dy, filter }, attrs);
}

/** Complex numbers cannot be transposed on WebGPU, so their parts are. [1,H,W/2+1,C] -> [1,H,W,C] */
function inverseFourier({ size, channels }: Of<'irfft2'>): Prepared {
  const { real, imaginary } = data.spectrumData(size, channels);
  const half = size / 2 + 1;
  const shape = [size, half, channels];
  return prepared([tf.tensor(real, shape), tf.tensor(imaginary, shape)], ([re, im]) => {
    const columns = tf.complex(tf.transpose(re, [2, 1, 0]), tf.transpose(im, [2, 1, 0]));
    const inverse = tf.ifft(columns);
    // Its results have lost an axis.
    const turned = (part: tf.Tensor) => tf.transpose(tf.reshape(part, [channels, half, size]), [0, 2, 1]);
    const rows = tf.complex(turned(tf.real(inverse)), turned(tf.imag(inverse)));
    return tf.transpose(tf.reshape(tf.irfft(rows), [channels, size, size]), [1, 2, 0]);
  });
}

function onNetwork(
  work: Exclude<
    Work,
    Of<'matmul' | 'conv' | 'convInput' | 'irfft2' | 'dispatches' | 'integratedGradients' | 'fourierVisualization'>
  >,
  network: Network,
): Prepared {
  const weights = upload(network);
  const net = (x: tf.Tensor, route?: Walk) => walk(network.graph, opsOf(weights), x, route);
  const picture = () => tf.tensor(network.picture, network.shape);
  const wanted = () => {
    const row = new Float32Array(network.model.classes);
    row[network.target] = 1;
    return tf.tensor(row, [1, row.length]);
  };
  switch (work.kind) {
    case 'forward':
      return prepared([picture()], ([x]) => net(x), weights);
    case 'gradient':
      return prepared(
        [picture(), wanted()],
        ([x, wanted]) => tf.grad((x) => tf.sum(tf.mul(net(x), wanted)))(x),
        weights,
      );
    case 'gradCam':
      return prepared(
        [picture(), wanted()],
        ([x, wanted]) => {
          const maps = net(x, { until: network.cam });
          const slope = tf.grad((maps) => tf.sum(tf.mul(net(maps, { from: network.cam }), wanted)))(maps);
          return tf.relu(tf.sum(tf.mul(maps, tf.mean(slope, [1, 2], true)), 3));
        },
        weights,
      );
    case 'visualization':
      return visualization(network, weights, net);
    case 'masks':
      return masks(network, work, weights, net);
    case 'training':
      return training(network, work.batch, weights);
  }
}

function visualization(
  { shape, ranges, visualized }: Network,
  weights: Weights,
  net: (x: tf.Tensor, route: Walk) => tf.Tensor,
): Prepared {
  const { rate, beta1, beta2, eps } = data.ADAM;
  const per = (pick: (range: readonly [number, number]) => number) =>
    tf.tensor(Float32Array.from(ranges, pick), [ranges.length]);
  const [scale, low] = [per(([low, high]) => high - low), per(([low]) => low)];
  const objective = (pixels: tf.Tensor): tf.Tensor => {
    const layer = net(tf.add(tf.mul(tf.sigmoid(pixels), scale), low), { until: visualized });
    const [, h, w, channels] = layer.shape;
    return tf.neg(tf.mean(tf.slice(layer, [0, 0, 0, data.channelOf(channels)], [1, h, w, 1])));
  };
  let step = 0;
  let state = [tf.tensor(data.uniform(10, sizeOf(shape), -0.1, 0.1), shape), tf.zeros(shape), tf.zeros(shape)];
  return {
    run() {
      step++;
      const next = tf.tidy(() => {
        const [pixels, m, v] = state;
        const slope = tf.grad(objective)(pixels);
        const mean = tf.add(tf.mul(m, beta1), tf.mul(slope, 1 - beta1));
        const square = tf.add(tf.mul(v, beta2), tf.mul(tf.mul(slope, slope), 1 - beta2));
        const root = tf.add(tf.sqrt(tf.div(square, 1 - beta2 ** step)), eps);
        return [tf.sub(pixels, tf.mul(tf.div(tf.div(mean, 1 - beta1 ** step), root), rate)), mean, square];
      });
      for (const tensor of state) tensor.dispose();
      state = next;
    },
    idle,
    result: async () => (await state[1].data()).slice(),
    dispose() {
      for (const tensor of [...state, scale, low, ...weights.values()]) tensor.dispose();
    },
  };
}

function masks(
  { model, shape: [, H, W, C], picture, target }: Network,
  { count, grid }: Of<'masks'>,
  weights: Weights,
  net: (x: tf.Tensor) => tf.Tensor,
): Prepared {
  const cells = data.cellsOf(H, W, grid);
  const sets = data.coalitions(count, grid);
  const x = tf.tensor(picture, [1, H, W, C]);
  const scores = new Float32Array(count);
  return {
    async run() {
      const parts: tf.Tensor[] = [];
      for (let first = 0; first < count; first += data.MASK_BATCH) {
        parts.push(
          tf.tidy(() => {
            const shown = data.pixelMasks(sets, cells, grid * grid, first, data.MASK_BATCH);
            const logits = net(tf.mul(x, tf.tensor(shown, [data.MASK_BATCH, H, W, 1])));
            return tf.slice(logits, [0, target % model.classes], [data.MASK_BATCH, 1]);
          }),
        );
      }
      const all = await Promise.all(parts.map((part) => part.data()));
      for (const [k, part] of all.entries()) scores.set(part, k * data.MASK_BATCH);
      for (const part of parts) part.dispose();
    },
    idle,
    result: async () => scores.slice(),
    dispose() {
      for (const tensor of [x, ...weights.values()]) tensor.dispose();
    },
  };
}

function training({ graph, model, shape: [, H, W, C] }: Network, batch: number, initial: Weights): Prepared {
  const names = [...initial.keys()];
  let weights = [...initial.values()];
  const x = tf.tensor(data.uniform(12, batch * H * W * C), [batch, H, W, C]);
  const rows = new Float32Array(batch * model.classes);
  for (let n = 0; n < batch; n++) rows[n * model.classes + (n % model.classes)] = 1;
  const labels = tf.tensor(rows, [batch, model.classes]);
  let loss: tf.Tensor | undefined;
  const lossOf = (...list: tf.Tensor[]): tf.Tensor => {
    const logits = walk(graph, opsOf(new Map(names.map((name, i) => [name, list[i]]))), x);
    return tf.mul(tf.sum(tf.mul(tf.logSoftmax(logits), labels)), -1 / batch);
  };
  return {
    runs: data.TRAINING_STEPS,
    run() {
      const [value, ...next] = tf.tidy(() => {
        const { value, grads } = tf.valueAndGrads(lossOf)(weights);
        return [value, ...weights.map((weight, i) => tf.sub(weight, tf.mul(grads[i], data.TRAINING_RATE)))];
      });
      for (const tensor of [...weights, ...(loss ? [loss] : [])]) tensor.dispose();
      [loss, weights] = [value, next];
    },
    idle,
    result: async () => (await (loss as tf.Tensor).data()).slice(),
    dispose() {
      for (const tensor of [...weights, x, labels, ...(loss ? [loss] : [])]) tensor.dispose();
    },
  };
}
