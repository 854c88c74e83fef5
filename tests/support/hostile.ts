// hostile.ts: files made to break a reader, from a seed: damaged bytes, and networks whose parts do not fit each other.

import { supportedOps } from '../../src/models/index.ts';
import { randomNumbers } from './draw.ts';
import {
  encodeModel,
  floatTensor,
  intTensor,
  type TestAttribute,
  type TestModel,
  type TestNode,
  type TestTensor,
} from './onnx.ts';

export class Dice {
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = randomNumbers(seed);
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  chance(share: number): boolean {
    return this.next() < share;
  }
}

// --- bytes -------------------------------------------------------------------------------------------------------

/** The file with some bytes changed, inserted, left out or written twice. */
export function damaged(bytes: Uint8Array, dice: Dice): Uint8Array {
  let result: Uint8Array = Uint8Array.from(bytes);
  for (let n = 1 + dice.below(4); n > 0; n--) {
    const at = dice.below(result.length);
    const length = 1 + dice.below(dice.chance(0.8) ? 4 : 64);
    const [before, part, after] = [
      result.subarray(0, at),
      result.subarray(at, at + length),
      result.subarray(at + length),
    ];
    const random = Uint8Array.from({ length }, () => (dice.chance(0.3) ? 0xff : dice.below(256)));
    const way = dice.below(10);
    if (way === 0) result = joined(before, random, part, after);
    else if (way === 1) result = joined(before, after);
    else if (way === 2) result = joined(before, part, part, after);
    else if (way === 3) result = joined(before, random.subarray(0, part.length), after);
    else result[at] ^= 1 << dice.below(8);
    if (result.length === 0) return result;
  }
  return result;
}

const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

// --- networks ----------------------------------------------------------------------------------------------------

const SIDE = 8;
const picture = { x: ['N', 3, 'H', 'W'] } as const;
const numbers = (count: number): number[] =>
  Array.from({ length: Math.min(Math.max(0, count), 1000) }, (_, i) => ((i * 37) % 19) / 10 - 0.9);
const weight = (name: string, ...shape: number[]): TestTensor =>
  floatTensor(name, shape, numbers(shape.reduce((a, b) => a * b, 1)));

let made = 0;
const node = (op: string, inputs: string[], output: string, attributes: TestNode['attributes'] = {}): TestNode => ({
  op,
  name: `n${made++}`,
  inputs,
  outputs: [output],
  attributes,
});

/** A network for pictures as they usually are. */
export const classifier: TestModel = {
  inputs: picture,
  outputs: ['y'],
  nodes: [
    node('Conv', ['x', 'w1', 'b1'], 'c1', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1], group: 1 }),
    node('BatchNormalization', ['c1', 'b1', 'b1', 'b1', 'v1'], 'n1'),
    node('Relu', ['n1'], 'r1'),
    node('MaxPool', ['r1'], 'p1', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Conv', ['p1', 'w2'], 'c2', { kernel_shape: [1, 1], group: 2, dilations: [1, 1], auto_pad: 'SAME_UPPER' }),
    node('AveragePool', ['p1'], 'a2', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
    node('Concat', ['c2', 'a2'], 'j', { axis: 1 }),
    node('LRN', ['j'], 'l', { size: 3, alpha: { float: 0.1 } }),
    node('GlobalAveragePool', ['l'], 'g'),
    node('Flatten', ['g'], 'f', { axis: 1 }),
    node('Gemm', ['f', 'w3', 'b3'], 'z', { transB: 1, alpha: { float: 0.5 } }),
    node('Softmax', ['z'], 'y', { axis: -1 }),
  ],
  initializers: [
    weight('w1', 4, 3, 3, 3),
    weight('b1', 4),
    floatTensor('v1', [4], [1, 2, 3, 4]),
    weight('w2', 4, 2, 1, 1),
    weight('w3', 5, 8),
    weight('b3', 5),
  ],
  metadata: { labels: '["a","b","c","d","e"]', input: 'x/255; nominal 8x8' },
};

/** Sizes worked out on the way, as exporters of dynamic shapes write them. */
const shapes: TestModel = {
  inputs: picture,
  outputs: ['y'],
  nodes: [
    node('Shape', ['x'], 's'),
    node('Gather', ['s', 'first'], 'n', { axis: 0 }),
    node('Unsqueeze', ['n', 'axes0'], 'nu'),
    node('Concat', ['nu', 'rest'], 'target', { axis: 0 }),
    node('Slice', ['x', 'starts', 'ends', 'axes23'], 'cut'),
    node('Pad', ['cut', 'pads'], 'framed', { mode: 'constant' }),
    node('Resize', ['framed', '', 'scales'], 'grown', { mode: 'nearest' }),
    node('ConstantOfShape', ['four'], 'ones', { value: { name: 'v', shape: [1], floats: [1] } }),
    node('Constant', [], 'k', { value: { name: 'k', shape: [1, 3, 1, 1], floats: [1, 2, 3] } }),
    node('Expand', ['k', 'four'], 'grid'),
    node('Tile', ['k', 'four'], 'tiles'),
    node('Transpose', ['grown'], 'turned', { perm: [0, 2, 3, 1] }),
    node('Transpose', ['turned'], 'back', { perm: [0, 3, 1, 2] }),
    node('ReduceMean', ['back'], 'means', { axes: [2, 3], keepdims: 0 }),
    node('Reshape', ['means', 'target'], 'rows'),
    node('Squeeze', ['rows'], 'y'),
  ],
  initializers: [
    intTensor('first', [0]),
    intTensor('axes0', [0]),
    intTensor('rest', [3]),
    intTensor('starts', [1, 1]),
    intTensor('ends', [-1, 7]),
    intTensor('axes23', [2, 3]),
    intTensor('pads', [0, 0, 1, 1, 0, 0, 1, 1]),
    floatTensor('scales', [4], [1, 1, 2, 2]),
    intTensor('four', [1, 1, 2, 2]),
  ],
};

export const bases: readonly TestModel[] = [classifier, shapes];

/** What any operator might be given to read. */
const POOL: readonly TestTensor[] = [
  weight('w', 3, 3, 3, 3),
  weight('narrow', 3, 1, 2, 2),
  weight('matrix', 3, 3),
  weight('per', 3),
  weight('each', 3, 1, 1),
  weight('one', 1),
  { name: 'scalar', shape: [], floats: [0.5] },
  { name: 'none', shape: [0], floats: [] },
  intTensor('i4', [1, 3, 8, 8]),
  intTensor('i2', [2, 2]),
  intTensor('i1', [1]),
  intTensor('i8', [0, 0, 1, 1, 0, 0, 1, 1]),
  floatTensor('s4', [4], [1, 1, 2, 0.5]),
];

const ATTRIBUTES =
  'axis axes perm pads strides dilations kernel_shape group keepdims alpha beta gamma epsilon size mode to value min max split blocksize start end num_groups auto_pad output_shape output_padding ceil_mode count_include_pad transA transB coordinate_transformation_mode nearest_mode steps starts ends p num_outputs equation'.split(
    ' ',
  );

const ODD_NUMBERS = [
  0,
  1,
  2,
  3,
  -1,
  -2,
  -5,
  7,
  64,
  1000,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 31),
  2 ** 62,
  -(2 ** 62),
];
const ODD_FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1e30,
  -1e38,
  1e-40,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const ODD_TEXTS = [
  '',
  'reflect',
  'edge',
  'linear',
  'cubic',
  'nearest',
  'SAME_LOWER',
  'VALID',
  'align_corners',
  'tanh',
  '\n"\u0007',
  'x'.repeat(2000),
];
const LOCATIONS = [
  '/etc/passwd',
  '../secret',
  'a/../../b',
  'C:\\x',
  'file:///etc/passwd',
  '',
  '.',
  'net.data',
  './net.data',
  'x\0y',
  '..\\up',
  'a'.repeat(5000),
  'CON',
  '/dev/zero',
];

function oddAttribute(dice: Dice): TestAttribute {
  const way = dice.below(6);
  if (way === 0) return dice.one(ODD_NUMBERS);
  if (way === 1) return Array.from({ length: dice.below(6) }, () => dice.one(ODD_NUMBERS));
  if (way === 2) return { float: dice.one(ODD_FLOATS) };
  if (way === 3) return { floats: Array.from({ length: dice.below(5) }, () => dice.one(ODD_FLOATS)) };
  if (way === 4) return dice.one(ODD_TEXTS);
  return { name: 't', shape: [dice.one(ODD_NUMBERS)], floats: [dice.one(ODD_FLOATS)] };
}

/** A chain of operators that read what comes to hand. */
export function randomNetwork(dice: Dice): TestModel {
  const values = ['x', ...POOL.map(({ name }) => name)];
  const nodes: TestNode[] = [];
  for (let n = 1 + dice.below(4); n > 0; n--) {
    const op = dice.one(supportedOps);
    // Mostly the last picture first, then weights, as operators have it.
    const last = nodes[nodes.length - 1]?.outputs[0] ?? 'x';
    const inputs = Array.from({ length: 1 + dice.below(4) }, (_, i) =>
      i === 0 && dice.chance(0.85) ? last : dice.chance(0.1) ? '' : dice.one(values),
    );
    const names = Array.from({ length: dice.below(4) }, () => dice.one(ATTRIBUTES));
    const attributes = Object.fromEntries(names.map((name) => [name, usualOrOdd(name, dice)]));
    const outputs = Array.from(
      { length: dice.chance(0.85) ? 1 : 1 + dice.below(3) },
      (_, i) => `v${nodes.length}_${i}`,
    );
    values.push(...outputs);
    nodes.push({ op, name: `${op}${nodes.length}`, inputs, outputs, attributes });
  }
  const { outputs } = nodes[nodes.length - 1];
  return {
    inputs: picture,
    outputs: [outputs[0]],
    nodes,
    initializers: POOL,
    opset: dice.one([9, 11, 13, 13, 17, 21]),
  };
}

const usualOrOdd = (name: string, dice: Dice): TestAttribute => {
  if (dice.chance(0.4)) return oddAttribute(dice);
  if (['pads'].includes(name)) return Array.from({ length: 4 }, () => dice.below(3));
  if (['strides', 'dilations', 'kernel_shape', 'output_padding'].includes(name))
    return [1 + dice.below(3), 1 + dice.below(3)];
  if (['axes', 'perm', 'split', 'starts', 'ends', 'steps', 'output_shape'].includes(name)) {
    return Array.from({ length: 1 + dice.below(4) }, (_, i) => (dice.chance(0.5) ? i : dice.below(5) - 2));
  }
  return dice.below(4);
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The network with one to three of its parts made odd. */
export function mutated(model: TestModel, dice: Dice): TestModel {
  const result: Mutable<TestModel> = { ...model };
  for (let n = 1 + dice.below(3); n > 0; n--) dice.one(MUTATIONS)(result, dice);
  return result;
}

const replaced = <T>(list: readonly T[], at: number, ...items: T[]): T[] => [
  ...list.slice(0, at),
  ...items,
  ...list.slice(at + 1),
];

const changeNode = (model: Mutable<TestModel>, dice: Dice, change: (node: TestNode) => TestNode[]): void => {
  const at = dice.below(model.nodes.length);
  if (model.nodes.length > 0) model.nodes = replaced(model.nodes, at, ...change(model.nodes[at]));
};
const changeTensor = (model: Mutable<TestModel>, dice: Dice, change: (tensor: TestTensor) => TestTensor[]): void => {
  const tensors = model.initializers ?? [];
  const at = dice.below(tensors.length);
  if (tensors.length > 0) model.initializers = replaced(tensors, at, ...change(tensors[at]));
};
const allNames = ({ nodes, initializers = [] }: TestModel): string[] => [
  'x',
  '',
  'nowhere',
  ...initializers.map(({ name }) => name),
  ...nodes.flatMap(({ outputs }) => outputs),
];

type Mutation = (model: Mutable<TestModel>, dice: Dice) => void;
const MUTATIONS: readonly Mutation[] = [
  // dims, contents and types of tensors
  (model, dice) =>
    changeTensor(model, dice, (tensor) => {
      const shape = [...tensor.shape];
      shape[dice.below(shape.length + 1)] = dice.one(ODD_NUMBERS);
      return [{ ...tensor, shape: Array.from(shape, (d) => d ?? 1) }];
    }),
  (model, dice) => changeTensor(model, dice, (tensor) => [{ ...tensor, type: dice.below(20) }]),
  (model, dice) =>
    changeTensor(model, dice, (tensor) => {
      const raw = tensor.raw ?? new Uint8Array(8);
      return [
        {
          ...tensor,
          raw: dice.chance(0.5) ? raw.subarray(0, dice.below(raw.length + 1)) : joined(raw, raw.subarray(0, 4)),
        },
      ];
    }),
  (model, dice) =>
    changeTensor(model, dice, (tensor) =>
      tensor.int64s
        ? [{ ...tensor, int64s: tensor.int64s.map((v) => (dice.chance(0.5) ? dice.one(ODD_NUMBERS) : v)) }]
        : [
            {
              ...tensor,
              raw: undefined,
              floats: numbers(tensor.shape.reduce((a, b) => a * b, 1)).map((v) =>
                dice.chance(0.2) ? dice.one(ODD_FLOATS) : v,
              ),
            },
          ],
    ),
  (model, dice) =>
    changeTensor(model, dice, (tensor) => [
      {
        ...tensor,
        raw: undefined,
        external: {
          location: dice.one(LOCATIONS),
          offset: String(dice.one(ODD_NUMBERS)),
          length: String(dice.one(ODD_NUMBERS)),
        },
      },
    ]),
  (model, dice) =>
    changeTensor(model, dice, (tensor) =>
      dice.one([[], [tensor, tensor], [{ ...tensor, name: dice.one(allNames(model)) }]]),
    ),
  // attributes
  (model, dice) =>
    changeNode(model, dice, (each) => {
      const names = Object.keys(each.attributes ?? {});
      const name = names.length > 0 && dice.chance(0.8) ? dice.one(names) : dice.one(ATTRIBUTES);
      return [{ ...each, attributes: { ...each.attributes, [name]: oddAttribute(dice) } }];
    }),
  (model, dice) =>
    changeNode(model, dice, (each) => {
      const attributes = Object.entries(each.attributes ?? {}).map(([name, value]): [string, TestAttribute] => [
        name,
        Array.isArray(value) ? value.map((v: number) => (dice.chance(0.5) ? dice.one(ODD_NUMBERS) : v)) : value,
      ]);
      return [{ ...each, attributes: Object.fromEntries(attributes) }];
    }),
  // what nodes read, make and are
  (model, dice) =>
    changeNode(model, dice, (each) => [
      { ...each, inputs: each.inputs.map((name) => (dice.chance(0.4) ? dice.one(allNames(model)) : name)) },
    ]),
  (model, dice) =>
    changeNode(model, dice, (each) => [{ ...each, inputs: each.inputs.slice(0, dice.below(each.inputs.length + 1)) }]),
  (model, dice) =>
    changeNode(model, dice, (each) => [{ ...each, outputs: dice.chance(0.5) ? [] : [dice.one(allNames(model))] }]),
  (model, dice) =>
    changeNode(model, dice, (each) => [{ ...each, op: dice.one([...supportedOps, 'Loop', 'toString', '__proto__']) }]),
  (model, dice) => changeNode(model, dice, (each) => dice.one([[], [each, each]])),
  (model, dice) => {
    if (dice.chance(0.5)) model.nodes = [...model.nodes].reverse();
  },
  // the frame
  (model, dice) => {
    model.opset = dice.one([1, 6, 8, 10, 12, 13, 18, 21, 30, 0, -1, 2 ** 40]);
  },
  (model, dice) => {
    const sizes = [1, 3, 5, 8, 'N', ...ODD_NUMBERS];
    model.inputs = { x: Array.from({ length: dice.chance(0.8) ? 4 : dice.below(6) }, () => dice.one(sizes)) };
  },
  (model, dice) => {
    const key = dice.one(['facet.preprocess', 'labels', 'names', 'input']);
    const value = dice.one([
      '{',
      '[]',
      '[1,2]',
      '{"size":[1e9,1e9]}',
      'nominal 99999x99999',
      'nominal 0x0',
      `mean [${' '.repeat(5000)}`,
      'null',
      '{"size":[4,4],"mean":"x"}',
    ]);
    model.metadata = { ...model.metadata, [key]: value };
  },
  (model, dice) => {
    model.outputs = dice.one([[], ['x'], ['nowhere'], [dice.one(allNames(model))]]);
  },
];

export const encoded = (model: TestModel): Uint8Array => encodeModel(model);
export const side = SIDE;
