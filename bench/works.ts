// works.ts: what `facet bench --kernels` measures: ops of every family at shapes that networks have, and whole networks.

import {
  checkTask,
  type Computation,
  computationsOf,
  type Graph,
  type Model,
  ops,
  type TaskName,
  taskNames,
  type Value,
} from '../src/index.ts';
import type { Window } from '../src/kernels/window.ts';
import { type Family, filter, isOdd, quick, sumsOfProducts } from './convWorks.ts';
import { uniform } from './data.ts';
import type { OpWork } from './ladder.ts';

type Pair = readonly [number, number];

// --- pooling and normalization -------------------------------------------------------------------------------------

function windowOf(taps: number, stride: number): Window {
  const pad = isOdd(taps) && stride < taps ? (taps - 1) / 2 : 0;
  return {
    kernel: [taps, taps],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    dilations: [1, 1],
    ceilMode: false,
  };
}

/** Taps of windows, as `maxPoolSwitches` gives them. */
const tapNumbers = (taps: number) => (count: number) => uniform(5, count, 0, taps * taps).map(Math.floor);

function pooling(
  what: 'max' | 'switches' | 'average',
  taps: number,
  stride: number,
  size: number,
  channels: number,
): OpWork {
  const window = windowOf(taps, stride);
  const titles = { max: 'maximum', switches: 'switches of the maximum', average: 'average' };
  return {
    name: `${titles[what]}, ${taps}x${taps}/${stride}, ${size}², ${channels}`,
    trace(graph) {
      const x = graph.input('x', [1, size, size, channels]);
      if (what === 'average') return ops.averagePool(x, window);
      return what === 'max' ? ops.maxPool(x, window) : ops.maxPoolSwitches(x, window);
    },
  };
}

function poolingGradient(
  what: 'max' | 'average',
  taps: number,
  stride: number,
  size: number,
  channels: number,
): OpWork {
  const window = windowOf(taps, stride);
  const pooled = Math.ceil(size / stride);
  const inputSize: Pair = [size, size];
  const shape = [1, pooled, pooled, channels];
  return {
    name: `gradient of the ${what === 'max' ? 'maximum' : 'average'}, ${taps}x${taps}/${stride}, ${size}², ${channels}`,
    trace(graph) {
      const dy = graph.input('dy', shape);
      return what === 'max'
        ? ops.maxPoolInput(graph.input('switches', shape), dy, window, inputSize)
        : ops.averagePoolInput(dy, { ...window, countIncludePad: false }, inputSize);
    },
    data: { switches: tapNumbers(taps) },
  };
}

const pools: Family = {
  name: 'Pooling',
  works: [
    quick(pooling('max', 3, 2, 112, 64)),
    pooling('switches', 3, 2, 112, 64),
    quick(poolingGradient('max', 3, 2, 112, 64)),
    pooling('max', 2, 2, 56, 128),
    poolingGradient('max', 2, 2, 56, 128),
    pooling('average', 3, 1, 28, 192),
    poolingGradient('average', 3, 1, 28, 192),
    pooling('average', 7, 7, 7, 1024),
  ],
};

const LRN = { size: 5, alpha: 1e-4, beta: 0.75, bias: 1 };

const normalization: Family = {
  name: 'Local response normalization',
  works: [
    quick({ name: 'of 5 channels, 56², 64', trace: (graph) => ops.lrn(graph.input('x', [1, 56, 56, 64]), LRN) }),
    {
      name: 'gradient, of 5 channels, 56², 64',
      trace: (graph) => ops.lrnInput(graph.input('x', [1, 56, 56, 64]), graph.input('dy', [1, 56, 56, 64]), LRN),
    },
  ],
};

// --- numbers one by one --------------------------------------------------------------------------------------------

const elementwise: Family = {
  name: 'Elementwise',
  works: [
    quick({ name: 'ReLU, 2^20', trace: (graph) => ops.relu(graph.input('x', [2 ** 20])) }),
    { name: 'ReLU, 2^20 + 1', trace: (graph) => ops.relu(graph.input('x', [2 ** 20 + 1])) },
    { name: 'exponential, 2^20', trace: (graph) => ops.exp(graph.input('x', [2 ** 20])) },
    {
      name: 'sum of two, 2^20',
      trace: (graph) => ops.add(graph.input('a', [2 ** 20]), graph.input('b', [2 ** 20])),
    },
    {
      name: 'bias of a channel, 56², 128',
      trace: (graph) => ops.add(graph.input('x', [1, 56, 56, 128]), graph.input('bias', [128])),
    },
    quick({
      name: 'chain: relu(scale x + bias) + residual, 56², 128',
      compare: 'fusion',
      trace(graph) {
        const x = graph.input('x', [1, 56, 56, 128]);
        const scaled = ops.add(ops.mul(x, graph.input('scale', [128])), graph.input('bias', [128]));
        return ops.add(ops.relu(scaled), graph.input('residual', [1, 56, 56, 128]));
      },
    }),
    {
      name: 'relu(conv 1x1, 27², 64 to 64 + bias) + residual',
      compare: 'fusion',
      trace(graph) {
        const y = ops.conv2d(graph.input('x', [1, 27, 27, 64]), filter(graph, [1, 1, 64, 64]));
        return ops.add(ops.relu(ops.add(y, graph.input('bias', [64]))), graph.input('residual', [1, 27, 27, 64]));
      },
    },
  ],
};

const reductions: Family = {
  name: 'Reductions',
  works: [
    quick({ name: 'sum of 2^20', trace: (graph) => ops.sum(graph.input('x', [2 ** 20])) }),
    { name: 'maximum of 2^20', trace: (graph) => ops.reduceMax(graph.input('x', [2 ** 20])) },
    {
      name: 'sum over pixels (global average), 13², 1000',
      trace: (graph) => ops.sum(graph.input('x', [1, 13, 13, 1000]), [1, 2]),
    },
    {
      name: 'sum over pixels (gradient of a bias), 56², 128',
      trace: (graph) => ops.sum(graph.input('x', [1, 56, 56, 128]), [0, 1, 2]),
    },
    { name: 'sum over channels, 56², 128', trace: (graph) => ops.sum(graph.input('x', [1, 56, 56, 128]), [3]) },
  ],
};

const softmax = (rows: number, columns: number): OpWork => ({
  name: `${rows} ${rows === 1 ? 'row' : 'rows'} of ${columns}`,
  trace: (graph) => ops.softmax(graph.input('x', [rows, columns])),
});

const softmaxes: Family = { name: 'Softmax', works: [quick(softmax(1, 1000)), softmax(16, 1000), softmax(3136, 21)] };

// --- pictures ------------------------------------------------------------------------------------------------------

/** A rotation by ten degrees around the middle, enlarged a little, as random moves of a visualization make it. */
function turned(graph: Graph, size: number): Value {
  const [scale, angle] = [1.05, Math.PI / 18];
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const middle = (size - 1) / 2;
  const data = Float32Array.of(cos, -sin, middle * (1 - cos + sin), sin, cos, middle * (1 - sin - cos));
  return graph.constant({ shape: [1, 2, 3], data });
}

const sampling = (size: number, channels: number): OpWork => ({
  name: `rotated, ${size}², ${channels}`,
  trace: (graph) => ops.affineSample(graph.input('x', [1, size, size, channels]), turned(graph, size)),
});
const samplingGradient = (size: number, channels: number): OpWork => ({
  name: `gradient, rotated, ${size}², ${channels}`,
  trace: (graph) =>
    ops.affineSampleInput(graph.input('dy', [1, size, size, channels]), turned(graph, size), {
      inputSize: [size, size],
    }),
});

const samplings: Family = {
  name: 'Affine sampling',
  works: [quick(sampling(224, 3)), quick(samplingGradient(224, 3)), sampling(56, 64), samplingGradient(56, 64)],
};

const branches = (graph: Graph): Value[] =>
  [64, 128, 32, 32].map((channels, k) => graph.input(`x${k}`, [1, 28, 28, channels]));

const layouts: Family = {
  name: 'Layout',
  works: [
    quick({ name: 'concat of 64, 128, 32 and 32 channels, 28²', trace: (graph) => ops.concat(branches(graph)) }),
    {
      name: 'concat of two convs 1x1, 27², 32 to 64',
      compare: 'in place',
      trace(graph) {
        const x = graph.input('x', [1, 27, 27, 32]);
        return ops.concat([0, 1].map(() => ops.conv2d(x, filter(graph, [1, 1, 32, 64]))));
      },
    },
    {
      name: 'transpose to [N,C,H,W], 56², 128',
      trace: (graph) => ops.transpose(graph.input('x', [1, 56, 56, 128]), [0, 3, 1, 2]),
    },
    {
      name: 'slice of 64 of 128 channels, 56²',
      trace: (graph) => ops.slice(graph.input('x', [1, 56, 56, 128]), { starts: [32], ends: [96], axes: [3] }),
    },
    {
      name: 'twice as large by repetition, 28², 64',
      trace(graph) {
        const twice = Array.from({ length: 56 }, (_, k) => k >> 1);
        return ops.take(graph.input('x', [1, 28, 28, 64]), twice, 1);
      },
    },
  ],
};

/** Flops that Fourier transforms are counted with: 5 n log2 n for n complex numbers, half of it for real ones. */
const fourierFlops = (lines: number, n: number, isReal = false): number =>
  Math.round((isReal ? 2.5 : 5) * lines * n * Math.log2(n));
const ofPicture = (size: number): number => fourierFlops(3 * size, size, true) + fourierFlops(3 * (size / 2 + 1), size);

const spectrum = (graph: Graph, size: number): Value => graph.input('c', [1, size, size / 2 + 1, 3, 2]);

const fourier: Family = {
  name: 'Fourier transforms',
  works: [
    {
      name: 'irfft2, 224², 3',
      compare: 'stages',
      flops: ofPicture(224),
      trace: (graph) => ops.irfft2(spectrum(graph, 224), 224),
    },
    {
      name: 'rfft2, 224², 3',
      compare: 'stages',
      flops: ofPicture(224),
      trace: (graph) => ops.rfft2(graph.input('x', [1, 224, 224, 3])),
    },
    quick({
      name: '64 lines of 512 complex numbers',
      flops: fourierFlops(64, 512),
      trace: (graph) => ops.fft(graph.input('x', [512, 64, 2]), 0),
    }),
    {
      name: '64 lines of 506 = 2 x 11 x 23 complex numbers',
      flops: fourierFlops(64, 506),
      trace: (graph) => ops.fft(graph.input('x', [506, 64, 2]), 0),
    },
  ],
};

export const families: readonly Family[] = [
  ...sumsOfProducts,
  pools,
  normalization,
  elementwise,
  reductions,
  softmaxes,
  samplings,
  layouts,
  fourier,
];

// --- networks ------------------------------------------------------------------------------------------------------

export const NETWORKS = 'Networks';

const TASK_TITLES: Readonly<Record<TaskName, string>> = {
  run: 'forward',
  gradient: 'gradient of a logit',
  visualize: 'step of a visualization',
};

export const networkTitle = ({ name, nominalSize }: Model, task: TaskName): string =>
  `${name}, ${nominalSize.join('x')}: ${TASK_TITLES[task]}`;

/** What a network is used for; one that takes no pictures has no visualizations. */
export function tasksOf(model: Model): readonly TaskName[] {
  return taskNames.filter((task) => {
    try {
      checkTask(model, task, { size: model.nominalSize });
      return true;
    } catch {
      return false;
    }
  });
}

/** At its nominal size. Of a visualization the first of its computations, which most of the steps are. */
export const networkComputation = (model: Model, task: TaskName): Computation =>
  computationsOf(model, task, { size: model.nominalSize })[0];
