// works.ts: what `facet bench` measures: ops of every family at shapes that networks have, and whole networks.

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
import { sizeOf } from '../src/kernels/shape.ts';
import type { Window } from '../src/kernels/window.ts';
import { uniform } from './data.ts';
import type { OpWork } from './ladder.ts';

export interface Family {
  readonly name: string;
  readonly works: readonly OpWork[];
}

type Shape = readonly number[];
type Pair = readonly [number, number];

/** A filter that does not change, as those of networks. */
const filter = (graph: Graph, shape: Shape): Value =>
  graph.constant({ shape, data: uniform(1, sizeOf(shape), -0.1, 0.1) });

const quick = (work: OpWork): OpWork => ({ ...work, isQuick: true });

// --- products ----------------------------------------------------------------------------------------------------

const product = (size: number, options: { transposeA?: boolean; transposeB?: boolean } = {}, note = ''): OpWork => ({
  name: `${size} x ${size} x ${size}${note}`,
  trace: (graph) => ops.matmul(graph.input('a', [size, size]), graph.input('b', [size, size]), options),
});

/** A fully connected layer: rows of numbers times fixed weights, which ONNX files store as [outputs, inputs]. */
const dense = (rows: number, terms: number, columns: number, transposeB = false): OpWork => ({
  name: `${rows} x ${terms} x ${columns}, weights ${transposeB ? 'transposed' : 'as they are'}`,
  trace: (graph) =>
    ops.matmul(graph.input('a', [rows, terms]), filter(graph, transposeB ? [columns, terms] : [terms, columns]), {
      transposeB,
    }),
});

const products: Family = {
  name: 'Matrix products',
  works: [
    quick(product(256)),
    product(512),
    product(1024),
    product(512, { transposeA: true }, ', a transposed'),
    product(512, { transposeB: true }, ', b transposed'),
    dense(1, 4096, 1000),
    quick(dense(1, 4096, 1000, true)),
    dense(16, 4096, 1000, true),
  ],
};

// --- convolutions ------------------------------------------------------------------------------------------------

interface Layer {
  readonly size: number;
  readonly channels: number;
  readonly filters: number;
  readonly taps: number;
  readonly stride?: number;
  readonly batch?: number;
  readonly isDepthwise?: boolean;
}

const isOdd = (size: number): boolean => size % 2 === 1;

/** Windows of odd sizes keep the size of a picture at stride 1, and halve it at stride 2. */
function attributesOf({ taps, stride = 1, channels, isDepthwise }: Layer) {
  const pad = isOdd(taps) ? (taps - 1) / 2 : 0;
  return {
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    groups: isDepthwise ? channels : 1,
  } as const;
}

function nameOf({ size, channels, filters, taps, stride = 1, batch = 1, isDepthwise }: Layer): string {
  const pictures = batch > 1 ? `${batch} pictures of ` : '';
  return `${taps}x${taps}${stride > 1 ? `/${stride}` : ''}, ${pictures}${size}², ${isDepthwise ? channels : `${channels} to ${filters}`}`;
}

const picture = ({ size, channels, batch = 1 }: Layer): Shape => [batch, size, size, channels];
const filterShape = ({ taps, channels, filters, isDepthwise }: Layer): Shape =>
  isDepthwise ? [taps, taps, 1, channels] : [taps, taps, channels, filters];
const resultShape = (layer: Layer): Shape => {
  const size = Math.ceil(layer.size / (layer.stride ?? 1));
  return [layer.batch ?? 1, size, size, layer.isDepthwise ? layer.channels : layer.filters];
};

const forward = (layer: Layer): OpWork => ({
  name: nameOf(layer),
  trace: (graph) =>
    ops.conv2d(graph.input('x', picture(layer)), filter(graph, filterShape(layer)), attributesOf(layer)),
});

const ofInput = (layer: Layer, note = ''): OpWork => ({
  name: `${note}${nameOf(layer)}`,
  trace: (graph) =>
    ops.conv2dInput(graph.input('dy', resultShape(layer)), filter(graph, filterShape(layer)), {
      ...attributesOf(layer),
      inputSize: [layer.size, layer.size],
    }),
});

const ofFilter = (layer: Layer, note = ''): OpWork => ({
  name: `${note}${nameOf(layer)}`,
  trace: (graph) =>
    ops.conv2dFilter(graph.input('x', picture(layer)), graph.input('dy', resultShape(layer)), {
      ...attributesOf(layer),
      filterSize: [layer.taps, layer.taps],
    }),
});

const layer = (taps: number, size: number, channels: number, filters: number, more: Partial<Layer> = {}): Layer => ({
  taps,
  size,
  channels,
  filters,
  ...more,
});
const depthwise = (taps: number, size: number, channels: number, more: Partial<Layer> = {}): Layer =>
  layer(taps, size, channels, channels, { isDepthwise: true, ...more });

const ofVgg = layer(3, 56, 64, 128);
const ofSqueezeNet = layer(3, 13, 64, 256);
const classifier = layer(1, 13, 512, 1000);
const stem = layer(7, 224, 3, 64, { stride: 2 });

const convolutions: Family = {
  name: 'Convolutions',
  works: [
    forward(ofVgg),
    forward(layer(3, 28, 128, 192)),
    forward(layer(3, 14, 160, 320)),
    forward(layer(3, 27, 32, 128)),
    quick(forward(layer(3, 13, 48, 192))),
    forward(ofSqueezeNet),
    forward(layer(3, 7, 160, 320)),
    forward(layer(3, 14, 24, 64)),
    forward(layer(3, 56, 64, 128, { stride: 2 })),
    forward(layer(5, 28, 32, 96)),
  ],
};

const pointwise: Family = {
  name: 'Pointwise convolutions',
  works: [
    quick(forward(layer(1, 28, 256, 64))),
    forward(classifier),
    forward(layer(1, 13, 48, 192)),
    forward(layer(1, 27, 32, 128)),
    forward(layer(1, 55, 16, 64)),
    forward(layer(1, 56, 24, 144)),
  ],
};

const firstLayers: Family = {
  name: 'First layers',
  works: [
    forward(stem),
    forward(layer(3, 224, 3, 64, { stride: 2 })),
    forward(layer(3, 224, 3, 32, { stride: 2 })),
    forward(layer(3, 96, 3, 64)),
    quick(forward(layer(3, 64, 3, 8))),
    forward(layer(5, 28, 1, 16, { batch: 8 })),
  ],
};

const inputGradients: Family = {
  name: 'Gradients of the input',
  works: [
    ofInput(ofVgg),
    quick(ofInput(ofSqueezeNet)),
    ofInput(classifier),
    ofInput(layer(1, 13, 48, 192)),
    ofInput(layer(5, 28, 32, 96)),
    ofInput(layer(3, 56, 64, 128, { stride: 2 })),
    ofInput(stem),
    ofInput(layer(3, 224, 3, 64, { stride: 2 })),
  ],
};

const filterGradients: Family = {
  name: 'Gradients of the filter',
  works: [
    ofFilter(layer(3, 28, 128, 192)),
    quick(ofFilter(layer(1, 28, 256, 64))),
    ofFilter(layer(3, 64, 3, 8)),
    ofFilter(layer(7, 112, 3, 64, { stride: 2 })),
  ],
};

const depthwiseFamily: Family = {
  name: 'Depthwise convolutions',
  works: [
    forward(depthwise(3, 56, 128)),
    quick(forward(depthwise(3, 14, 384))),
    forward(depthwise(3, 112, 96, { stride: 2 })),
    forward(depthwise(7, 28, 192)),
    ofInput(depthwise(3, 56, 128), 'gradient of the input, '),
    ofInput(depthwise(3, 112, 96, { stride: 2 }), 'gradient of the input, '),
    ofFilter(depthwise(3, 56, 128), 'gradient of the filter, '),
  ],
};

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
  products,
  convolutions,
  pointwise,
  firstLayers,
  inputGradients,
  filterGradients,
  depthwiseFamily,
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
