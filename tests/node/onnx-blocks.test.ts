// Operators that cut, repeat and move elements, against their definitions on numbers in the file's own layout, N,C,H,W.

import * as assert from 'uvu/assert';
import { ModelError, parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { floatTensor, intTensor, type TestNode, type TestTensor } from '../support/onnx.ts';
import { C, H, input, modelOf, N, node, type Row, run, table, W, x } from '../support/onnx-run.ts';
import { suite } from '../support/suite.ts';

/** Splits x; the part `read` is the output. */
const split = (
  parts: number,
  read: number,
  attributes: TestNode['attributes'],
  more: readonly string[] = [],
): TestNode[] => [
  { ...node('Split', ['x', ...more], attributes), outputs: Array.from({ length: parts }, (_, i) => `part${i}`) },
  node('Identity', [`part${read}`]),
];
/** The height cut to 4, which halves. */
const even: TestNode = { ...node('Slice', ['x', 'zero', 'four', 'two']), outputs: ['e'] };
const evenOnes = [intTensor('zero', [0]), intTensor('four', [4]), intTensor('two', [2])];
/** Channels c, rows h and columns w of x under 12 channels of 5x1 pixels. */
const deep: TestNode[] = [
  { ...node('Transpose', ['x'], { perm: [0, 1, 3, 2] }), outputs: ['t'] },
  { ...node('Reshape', ['t', 'deepShape']), outputs: ['d'] },
];
const deepShape = intTensor('deepShape', [0, C * W, H, 1]);
const fromDeep = (n: number, channel: number, h: number): number => x(n, Math.floor(channel / W), h, channel % W);

/** Channels of x and of -x in parts [2,3], as a channel shuffle has them. */
const parts: TestNode[] = [
  { ...node('Neg', ['x']), outputs: ['minus'] },
  { ...node('Concat', ['x', 'minus'], { axis: 1 }), outputs: ['both'] },
  { ...node('Reshape', ['both', 'partsShape']), outputs: ['parts'] },
];
const turned: TestNode = { ...node('Transpose', ['parts'], { perm: [0, 2, 1, 3, 4] }), outputs: ['turned'] };
const partsShape = intTensor('partsShape', [0, 2, C, H, W]);
const inParts = (n: number, sign: number, c: number, h: number, w: number): number => (1 - 2 * sign) * x(n, c, h, w);

/** Rows 1 and 3 of x, and the second element from the end of row 0, become 100 and more. */
const scattered = (reduction: string): TestNode[] => [
  { ...node('ScatterND', ['zeros', 'rows', 'hundreds'], { reduction }), outputs: ['s'] },
  { ...node('ScatterND', ['s', 'place', 'one'], { reduction }), outputs: ['mask'] },
  node('Add', ['x', 'mask']),
];
const scatteredTensors = (start: number): TestTensor[] => [
  floatTensor(
    'zeros',
    [H, W],
    table([H, W], () => start),
  ),
  { ...intTensor('rows', [1, 3]), shape: [2, 1] },
  floatTensor(
    'hundreds',
    [2, W],
    table([2, W], (_, w) => 100 + w),
  ),
  intTensor('place', [0, -2]),
  floatTensor('one', [], [1]),
];
const scatteredAt = (h: number, w: number, start: number, keeps: number): number => {
  if (h === 1 || h === 3) return keeps * start + 100 + w;
  return h === 0 && w === W - 2 ? keeps * start + 1 : start;
};

const rows: Row[] = [
  {
    name: 'sizes that are not there',
    nodes: [
      { ...node('Shape', ['x']), outputs: ['shape'] },
      { ...node('Slice', ['shape', 'four', 'many']), outputs: ['more'] },
      { ...node('Slice', ['shape', 'zero', 'two']), outputs: ['front'] },
      { ...node('Concat', ['front', 'rest', 'more'], { axis: 0 }), outputs: ['sizes'] },
      node('Reshape', ['x', 'sizes']),
    ],
    initializers: [...evenOnes, intTensor('many', [2 ** 40]), intTensor('rest', [W, H])],
    shape: [N, C, W, H],
    y: (n, c, h, w) => x(n, c, Math.floor((h * H + w) / W), (h * H + w) % W),
  },
  {
    name: 'a map rolled by nothing',
    nodes: [
      { ...node('Slice', ['x', 'zero', 'zero', 'two']), outputs: ['front'] },
      { ...node('Slice', ['x', 'zero', 'many', 'two']), outputs: ['back'] },
      node('Concat', ['back', 'front'], { axis: 2 }),
    ],
    initializers: [...evenOnes, intTensor('many', [2 ** 40])],
    shape: [N, C, H, W],
    y: x,
  },
  {
    name: 'ScatterND in known numbers',
    nodes: scattered('none'),
    initializers: scatteredTensors(7),
    opset: 16,
    shape: [N, C, H, W],
    y: (n, c, h, w) => Math.fround(x(n, c, h, w)) + scatteredAt(h, w, 7, 0),
  },
  {
    name: 'ScatterND that adds',
    nodes: scattered('add'),
    initializers: scatteredTensors(7),
    opset: 16,
    shape: [N, C, H, W],
    y: (n, c, h, w) => Math.fround(x(n, c, h, w)) + scatteredAt(h, w, 7, 1),
  },
  {
    name: 'channels in parts, read as the file has them',
    nodes: [...parts, node('Identity', ['parts'])],
    initializers: [partsShape],
    shape: [N, 2, C, H, W],
    y: inParts,
  },
  {
    name: 'parts of channels that change places',
    nodes: [...parts, turned, node('Abs', ['turned'])],
    initializers: [partsShape],
    shape: [N, C, 2, H, W],
    y: (n, c, _, h, w) => Math.abs(x(n, c, h, w)),
  },
  {
    name: 'a channel shuffle',
    nodes: [...parts, turned, node('Reshape', ['turned', 'joined'])],
    initializers: [partsShape, intTensor('joined', [0, -1, H, W])],
    shape: [N, 2 * C, H, W],
    y: (n, c, h, w) => inParts(n, c % 2, Math.floor(c / 2), h, w),
  },
  {
    name: 'parts of channels that pixels come before',
    nodes: [...parts, node('Transpose', ['parts'], { perm: [0, 3, 1, 4, 2] })],
    initializers: [partsShape],
    shape: [N, H, 2, W, C],
    y: (n, h, sign, w, c) => inParts(n, sign, c, h, w),
  },
  {
    name: 'a softmax over parts of channels',
    nodes: [...parts, node('Softmax', ['parts'], { axis: 1 })],
    initializers: [partsShape],
    opset: 13,
    shape: [N, 2, C, H, W],
    y: (n, sign, c, h, w) => 1 / (1 + Math.exp(-2 * Math.fround(inParts(n, sign, c, h, w)))),
  },
  {
    name: 'one part of the channels, with a summand an element',
    nodes: [
      ...parts,
      { ...node('Slice', ['parts', 'one', 'two', 'one']), outputs: ['part'] },
      node('Add', ['part', 'parts']),
    ],
    initializers: [partsShape, intTensor('one', [1]), intTensor('two', [2])],
    shape: [N, 2, C, H, W],
    y: (n, sign, c, h, w) => inParts(n, 1, c, h, w) + inParts(n, sign, c, h, w),
  },
  {
    name: 'Split of opset 11 by sizes, along channels',
    nodes: split(2, 1, { axis: 1, split: [1, 2] }),
    opset: 11,
    shape: [N, 2, H, W],
    y: (n, c, h, w) => x(n, c + 1, h, w),
  },
  {
    name: 'Split of opset 13 by sizes, along the height',
    nodes: split(3, 1, { axis: 2 }, ['sizes']),
    initializers: [intTensor('sizes', [1, 3, 1])],
    shape: [N, C, 3, W],
    y: (n, c, h, w) => x(n, c, h + 1, w),
  },
  {
    name: 'Split into equal parts',
    nodes: split(2, 0, { axis: -1 }),
    opset: 9,
    shape: [N, C, H, 2],
    y: (n, c, h, w) => x(n, c, h, w),
  },
  {
    name: 'Split of opset 18 by their number, the last one smaller',
    nodes: split(2, 1, { axis: 2, num_outputs: 2 }),
    opset: 18,
    shape: [N, C, 2, W],
    y: (n, c, h, w) => x(n, c, h + 3, w),
  },
  {
    name: 'Split of sizes that are known',
    nodes: [
      { ...node('Shape', ['x']), outputs: ['shape'] },
      { ...node('Split', ['shape'], { axis: 0 }), outputs: ['front', 'back'] },
      { ...node('Concat', ['front', 'rest'], { axis: 0 }), outputs: ['a'] },
      { ...node('Reshape', ['x', 'a']), outputs: ['rows'] },
      { ...node('Concat', ['front', 'back'], { axis: 0 }), outputs: ['b'] },
      node('Reshape', ['rows', 'b']),
    ],
    initializers: [intTensor('rest', [-1])],
    shape: [N, C, H, W],
    y: (n, c, h, w) => x(n, c, h, w),
  },
  {
    name: 'Expand of a column of numbers, and against fewer axes',
    nodes: [{ ...node('ReduceMax', ['x'], { axes: [1, 3] }), outputs: ['m'] }, node('Expand', ['m', 'shape'])],
    initializers: [intTensor('shape', [C, 1, W])],
    shape: [N, C, H, W],
    y: (n, _, h) => Math.max(...table([C, W], (c, w) => x(n, c, h, w))),
  },
  {
    name: 'Expand to more axes',
    nodes: [node('Expand', ['x', 'shape'])],
    initializers: [intTensor('shape', [2, 1, 1, 1, 1])],
    shape: [2, N, C, H, W],
    y: (_, n, c, h, w) => x(n, c, h, w),
  },
  {
    name: 'Tile of channels and width',
    nodes: [node('Tile', ['x', 'repeats'])],
    initializers: [intTensor('repeats', [1, 2, 1, 3])],
    shape: [N, 2 * C, H, 3 * W],
    y: (n, c, h, w) => x(n, c % C, h, w % W),
  },
  {
    name: 'SpaceToDepth',
    nodes: [even, node('SpaceToDepth', ['e'], { blocksize: 2 })],
    initializers: evenOnes,
    shape: [N, 4 * C, 2, 2],
    y: (n, d, h, w) => x(n, d % C, 2 * h + Math.floor(d / (2 * C)), 2 * w + (Math.floor(d / C) % 2)),
  },
  {
    name: 'DepthToSpace, pixels before channels',
    nodes: [...deep, node('DepthToSpace', ['d'], { blocksize: 2 })],
    initializers: [deepShape],
    opset: 9,
    shape: [N, 3, 2 * H, 2],
    y: (n, c, h, w) => fromDeep(n, ((h % 2) * 2 + (w % 2)) * 3 + c, Math.floor(h / 2)),
  },
  {
    name: 'DepthToSpace, channels before pixels',
    nodes: [...deep, node('DepthToSpace', ['d'], { blocksize: 2, mode: 'CRD' })],
    initializers: [deepShape],
    shape: [N, 3, 2 * H, 2],
    y: (n, c, h, w) => fromDeep(n, c * 4 + (h % 2) * 2 + (w % 2), Math.floor(h / 2)),
  },
  {
    name: 'DepthToSpace takes back SpaceToDepth',
    nodes: [
      even,
      { ...node('SpaceToDepth', ['e'], { blocksize: 2 }), outputs: ['s'] },
      node('DepthToSpace', ['s'], { blocksize: 2 }),
    ],
    initializers: evenOnes,
    shape: [N, C, 4, W],
    y: (n, c, h, w) => x(n, c, h, w),
  },
];

const blocks = suite('parts and blocks');

for (const { name, nodes, initializers, opset, shape, y } of rows) {
  blocks(name, () => {
    const result = run(modelOf(nodes, initializers, { inputs: { x: ['N', C, H, W] }, opset }));
    assert.equal(result.shape, shape);
    close(result.data, table(shape, y).map(Math.fround), {}, name);
  });
}

blocks('a file for one picture takes several: windows of each, a token joined to each', () => {
  const nodes = [
    { ...node('Reshape', ['x', 'four']), outputs: ['columns'] },
    { ...node('Abs', ['columns']), outputs: ['abs'] },
    { ...node('Reshape', ['abs', 'windows']), outputs: ['w'] },
    node('Concat', ['token', 'w'], { axis: 1 }),
  ];
  const initializers = [
    intTensor('four', [4, (C * H * W) / 4]),
    intTensor('windows', [1, 4, (C * H * W) / 4]),
    floatTensor('token', [1, 1, (C * H * W) / 4], new Array<number>((C * H * W) / 4).fill(9)),
  ];
  const { shape, data } = run(modelOf(nodes, initializers, { inputs: { x: [1, C, H, W] } }));
  assert.equal(shape, [N, 5, (C * H * W) / 4]);
  const expected = table([N, 5, (C * H * W) / 4], (n, i, k) =>
    i === 0 ? 9 : Math.abs(input[n * C * H * W + ((i - 1) * C * H * W) / 4 + k]),
  );
  close(data, expected.map(Math.fround), {}, 'windows');
});

blocks('every part is a layer of its own', () => {
  const model = parseModel(modelOf(split(3, 1, { axis: 1 }), [], { inputs: { x: ['N', C, H, W] } }));
  assert.equal(
    model.layers.map(({ name, shape }) => [name, shape]),
    ['part0', 'part1', 'part2', 'y'].map((name) => [name, [1, H, W]]),
  );
});

const refused: [name: string, nodes: readonly TestNode[], says: RegExp][] = [
  ['parts that do not add up', split(2, 0, { axis: 1, split: [1, 1] }), /cuts 3 elements into 2 parts of \[1,1\]/],
  ['blocks that do not come out even', [node('SpaceToDepth', ['x'], { blocksize: 2 })], /5x4 pixels into blocks of 2/],
  ['too few channels for a block', [node('DepthToSpace', ['x'], { blocksize: 2 })], /2x2 pixels from 3 channels/],
  [
    'parts to replace that depend on the picture',
    [node('ScatterND', ['x', 'none', 'x'])],
    /ScatterND at "the ScatterND" replaces parts of what depends on the picture/,
  ],
];
for (const [name, nodes, says] of refused) {
  blocks(`${name} are refused`, () => {
    const file = modelOf(nodes, [intTensor('none', [0])], { inputs: { x: ['N', C, H, W] }, opset: 11 });
    assert.throws(
      () => parseModel(file, { name: 'odd' }),
      (error: unknown) => error instanceof ModelError && says.test(error.message),
    );
  });
}
