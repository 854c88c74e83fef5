// convWorks.ts: works of `facet bench --kernels` that sum products: matrix products, convolutions and their gradients.

import { type Graph, ops, type Value } from '../src/index.ts';
import { sizeOf } from '../src/kernels/shape.ts';
import { uniform } from './data.ts';
import type { OpWork } from './ladder.ts';

export interface Family {
  readonly name: string;
  readonly works: readonly OpWork[];
}

type Shape = readonly number[];

/** A filter that does not change, as those of networks. */
export const filter = (graph: Graph, shape: Shape): Value =>
  graph.constant({ shape, data: uniform(1, sizeOf(shape), -0.1, 0.1) });

export const quick = (work: OpWork): OpWork => ({ ...work, isQuick: true });

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

export const isOdd = (size: number): boolean => size % 2 === 1;

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

export const sumsOfProducts: readonly Family[] = [
  products,
  convolutions,
  pointwise,
  firstLayers,
  inputGradients,
  filterGradients,
  depthwiseFamily,
];
