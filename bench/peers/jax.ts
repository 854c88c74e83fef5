// jax.ts: jax-js on WebGPU: everything jitted, on NCHW. Its arrays are owned: a function uses its arguments up, and `ref`
// counts one more use.
//
// Gradients go through a scale that is an argument of the jitted function: in 0.1.25 a jitted gradient whose cotangent is a
// constant of the trace loses the masks of padding. Weights are arguments too, for the same reason.

import {
  type Array as Arr,
  defaultDevice,
  grad,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  type Tree,
  valueAndGrad,
  vjp,
} from '@jax-js/jax';
import peers from '../package.json';
import { sizeOf } from '../../src/kernels/shape.ts';
import * as data from '../data.ts';
import { outputSize, type Work } from '../peerWorks.ts';
import { kept, leavesOf, upload, uploadWeights, walkOwned, type Weights } from './jaxNetwork.ts';
import { toFileFilter, toNchw, toNhwc } from './layout.ts';
import { type Network, type Networks, type Peer, type Prepared, Unsupported } from './peer.ts';
import type { Walk } from './walk.ts';

type Of<K extends Work['kind']> = Extract<Work, { kind: K }>;

const scalar = (value: number): Arr => np.array([value]).reshape([]);

export class Jax implements Peer {
  readonly version = peers.devDependencies['@jax-js/jax'];

  static async open(): Promise<Jax> {
    const devices = await init('webgpu');
    if (!devices.includes('webgpu')) throw new Error('jax-js finds no WebGPU');
    defaultDevice('webgpu');
    return new Jax();
  }

  async prepare(work: Work, networks: Networks): Promise<Prepared> {
    switch (work.kind) {
      case 'matmul': {
        const { a, b } = data.matmulData(work.size);
        const shape = [work.size, work.size];
        const f = jit((x: Arr, y: Arr) => np.matmul(x, y));
        return prepared([upload({ data: a, shape }), upload({ data: b, shape })], f, (y) => y.data());
      }
      case 'conv':
      case 'convInput':
        return convolution(work);
      case 'irfft2': {
        const { size, channels } = work;
        const { real, imaginary } = data.spectrumData(size, channels);
        const shape = [1, size, size / 2 + 1, channels];
        const f = jit((real: Arr, imag: Arr) => np.fft.irfft2({ real, imag }));
        const result = async (y: Arr) => toNhwc(await y.data(), [1, channels, size, size]).data;
        return prepared([upload(toNchw(real, shape)), upload(toNchw(imaginary, shape))], f, result);
      }
      case 'dispatches': {
        const x = upload({ data: data.uniform(9, work.size), shape: [work.size] });
        // Not jitted: that would make one dispatch of all.
        const f = (x: Arr) => {
          let value = x;
          for (let i = 0; i < work.count; i++) value = nn.relu(value);
          return value;
        };
        return prepared([x], f, (y) => y.data());
      }
      case 'integratedGradients':
        throw new Unsupported('one gradient after another');
      case 'fourierVisualization':
        throw new Unsupported('compared in pixels only');
      default:
        return onNetwork(work, await networks(work.network));
    }
  }
}

/** Arrays are lazy: what runs have promised is submitted when somebody waits for it. */
class Pending {
  private list: Arr[] = [];

  add(array: Arr): void {
    this.list.push(array);
  }

  get last(): Arr {
    return this.list[this.list.length - 1];
  }

  async idle(): Promise<void> {
    await Promise.all(this.list.map((array) => array.blockUntilReady()));
    for (const array of this.list.splice(0, this.list.length - 1)) array.dispose();
  }

  dispose(): void {
    for (const array of this.list.splice(0)) array.dispose();
  }
}

function prepared(
  inputs: Tree[],
  f: ((...inputs: never[]) => Arr) & { dispose?(): void },
  read: (y: Arr) => Promise<Float32Array>,
): Prepared {
  const pending = new Pending();
  return {
    run: () => pending.add(f(...(inputs.map(kept) as never[]))),
    idle: () => pending.idle(),
    result: () => read(pending.last.ref),
    dispose() {
      pending.dispose();
      for (const array of leavesOf(inputs)) array.dispose();
      f.dispose?.();
    },
  };
}

function convolution({ kind, conv }: Of<'conv' | 'convInput'>): Prepared {
  const { x, w, dy } = data.convData({ kind, conv });
  const { size, channels, filters, taps, stride, pad, groups } = conv;
  const padding: [number, number][] = [
    [pad, pad],
    [pad, pad],
  ];
  const convolve = (x: Arr, w: Arr) =>
    lax.convGeneralDilated(x, w, [stride, stride], padding, { featureGroupCount: groups });
  const filter = upload(toFileFilter(w, [taps, taps, channels / groups, filters]));
  const picture = upload(toNchw(x, [1, size, size, channels]));
  const side = outputSize(conv);
  if (kind === 'conv') {
    const result = async (y: Arr) => toNhwc(await y.data(), [1, filters, side, side]).data;
    return prepared([picture, filter], jit(convolve), result);
  }
  // The forward pass that the pullback is traced from is dead code for jit.
  const pullback = jit((x: Arr, w: Arr, dy: Arr) => {
    const [y, back] = vjp((x) => convolve(x, w), [x]);
    y.dispose();
    const [dx] = back(dy);
    back.dispose();
    return dx;
  });
  const slope = upload(toNchw(dy, [1, side, side, filters]));
  const result = async (y: Arr) => toNhwc(await y.data(), [1, channels, size, size]).data;
  return prepared([picture, filter, slope], pullback, result);
}

function onNetwork(
  work: Exclude<
    Work,
    Of<'matmul' | 'conv' | 'convInput' | 'irfft2' | 'dispatches' | 'integratedGradients' | 'fourierVisualization'>
  >,
  network: Network,
): Prepared {
  const weights = uploadWeights(network);
  const net = (w: Weights, x: Arr, route?: Walk) => walkOwned(network, w, x, route);
  const picture = () => upload(toNchw(network.picture, network.shape));
  const wanted = () => {
    const row = new Float32Array(network.model.classes);
    row[network.target] = 1;
    return upload({ data: row, shape: [1, row.length] });
  };
  const [, H, W, C] = network.shape;
  switch (work.kind) {
    case 'forward':
      return prepared([weights, picture()], jit(net), (y) => y.data());
    case 'gradient': {
      const score = (w: Weights, x: Arr, wanted: Arr) => net(w, x).mul(wanted).sum();
      const result = async (y: Arr) => toNhwc(await y.data(), [1, C, H, W]).data;
      return prepared([weights, picture(), wanted()], jit(grad(score, { argnums: 1 })), result);
    }
    case 'gradCam': {
      const cam = (w: Weights, x: Arr, wanted: Arr) => {
        const maps = net(kept(w) as Weights, x, { until: network.cam });
        const score = (maps: Arr, w: Weights, wanted: Arr) => net(w, maps, { from: network.cam }).mul(wanted).sum();
        const slope = grad(score)(maps.ref, w, wanted);
        return nn.relu(maps.mul(slope.mean([2, 3], { keepdims: true })).sum(1));
      };
      return prepared([weights, picture(), wanted()], jit(cam), (y) => y.data());
    }
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
  net: (w: Weights, x: Arr, route: Walk) => Arr,
): Prepared {
  const { rate, beta1, beta2, eps } = data.ADAM;
  const per = (pick: (range: readonly [number, number]) => number) =>
    upload({ data: Float32Array.from(ranges, pick), shape: [1, ranges.length, 1, 1] });
  const [spread, low] = [per(([low, high]) => high - low), per(([low]) => low)];
  const objective = (pixels: Arr, w: Weights, spread: Arr, low: Arr, sign: Arr) => {
    const layer = net(w, nn.sigmoid(pixels).mul(spread).add(low), { until: visualized });
    const [, channels, h, width] = layer.shape;
    const channel = data.channelOf(channels);
    return layer
      .slice([0, 1], [channel, channel + 1], [0, h], [0, width])
      .mean()
      .mul(sign);
  };
  /** `powers` are 1 - beta1^t and 1 - beta2^t. */
  const step = jit(
    (pixels: Arr, m: Arr, v: Arr, w: Weights, spread: Arr, low: Arr, sign: Arr, powers: Arr[]): Arr[] => {
      const slope = grad(objective)(pixels.ref, w, spread, low, sign);
      const mean = m.mul(beta1).add(slope.ref.mul(1 - beta1));
      const square = v.mul(beta2).add(slope.ref.mul(slope).mul(1 - beta2));
      const root = np.sqrt(square.ref.div(powers[1])).add(eps);
      return [pixels.sub(mean.ref.div(powers[0]).div(root).mul(rate)), mean, square];
    },
  );
  const sign = scalar(-1);
  let t = 0;
  const first = toNchw(data.uniform(10, sizeOf(shape), -0.1, 0.1), shape);
  let state = [upload(first), np.zeros(first.shape), np.zeros(first.shape)];
  return {
    run() {
      t++;
      const powers = [scalar(1 - beta1 ** t), scalar(1 - beta2 ** t)];
      const [pixels, m, v] = state;
      state = step(pixels, m, v, kept(weights) as Weights, spread.ref, low.ref, sign.ref, powers);
    },
    idle: async () => void (await state[0].blockUntilReady()),
    result: async () => toNhwc(await state[1].ref.data(), first.shape).data,
    dispose() {
      for (const array of [...state, spread, low, sign, ...Object.values(weights)]) array.dispose();
      step.dispose();
    },
  };
}

function masks(
  { shape: [, H, W, C], picture, target }: Network,
  { count, grid }: Of<'masks'>,
  weights: Weights,
  net: (w: Weights, x: Arr) => Arr,
): Prepared {
  const cells = data.cellsOf(H, W, grid);
  const sets = data.coalitions(count, grid);
  const batch = data.MASK_BATCH;
  const x = upload(toNchw(picture, [1, H, W, C]));
  const score = jit((w: Weights, x: Arr, shown: Arr) => net(w, x.mul(shown)).slice([0, batch], [target, target + 1]));
  const scores = new Float32Array(count);
  return {
    async run() {
      const parts: Promise<Float32Array>[] = [];
      for (let first = 0; first < count; first += batch) {
        const shown = data.pixelMasks(sets, cells, grid * grid, first, batch);
        const mask = upload({ data: shown, shape: [batch, 1, H, W] });
        parts.push(score(kept(weights) as Weights, x.ref, mask).data());
      }
      for (const [k, part] of (await Promise.all(parts)).entries()) scores.set(part, k * batch);
    },
    idle: async () => undefined, // a run ends with reading
    result: async () => scores.slice(),
    dispose() {
      for (const array of [x, ...Object.values(weights)]) array.dispose();
      score.dispose();
    },
  };
}

function training(network: Network, batch: number, initial: Weights): Prepared {
  const { model, shape } = network;
  const [, H, W, C] = shape;
  const rows = new Float32Array(batch * model.classes);
  for (let n = 0; n < batch; n++) rows[n * model.classes + (n % model.classes)] = 1;
  const x = upload(toNchw(data.uniform(12, batch * H * W * C), [batch, H, W, C]));
  const labels = upload({ data: rows, shape: [batch, model.classes] });
  const scale = scalar(-1 / batch);
  const lossOf = (w: Weights, x: Arr, labels: Arr, scale: Arr) =>
    nn
      .logSoftmax(walkOwned(network, w, x))
      .mul(labels)
      .sum()
      .mul(scale);
  const step = jit((w: Weights, x: Arr, labels: Arr, scale: Arr): [Arr, Weights] => {
    const [loss, slopes] = valueAndGrad(lossOf)(kept(w), x, labels, scale) as [Arr, Weights];
    const next = Object.entries(w).map(([name, weight]) => [name, weight.sub(slopes[name].mul(data.TRAINING_RATE))]);
    return [loss, Object.fromEntries(next)];
  });
  let weights = initial;
  let loss = scalar(0);
  return {
    runs: data.TRAINING_STEPS,
    run() {
      loss.dispose();
      [loss, weights] = step(weights, x.ref, labels.ref, scale.ref);
    },
    idle: async () => void (await Promise.all([loss, ...Object.values(weights)].map((each) => each.blockUntilReady()))),
    result: () => loss.ref.data(),
    dispose() {
      for (const array of [x, labels, scale, loss, ...Object.values(weights)]) array.dispose();
      step.dispose();
    },
  };
}
