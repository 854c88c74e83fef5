// bench.test.ts: what the benchmark makes of its samples: medians, quartiles, errors, ratios and the table of them.

import * as assert from 'uvu/assert';
import { cellsOf, coalitions, pixelMasks, uniform } from '../../bench/data.ts';
import { baseOf, fileNameOf, withEarlier } from '../../bench/keep.ts';
import { kindsOf, listWorks, peerPart, textsOf } from '../../bench/peerWorks.ts';
import {
  ENGINES,
  leastRatio,
  markdownOf,
  type Outcome,
  ownFaults,
  type PeerReport,
  ratioOf,
  type Row,
  shareOf,
} from '../../bench/report.ts';
import { geometricMean, relativeError, spreadOf } from '../../bench/statistics.ts';
import { quantile } from '../../src/engine/statistics.ts';
import { decodeModel } from '../../src/models/onnx/proto.ts';
import { encodeModel } from '../../src/models/onnx/export.ts';
import { type NetworkOps, walk, type WindowAttrs } from '../../bench/peers/walk.ts';
import { suite } from '../support/suite.ts';

const test = suite('bench');

test('quantiles lie between neighbours', () => {
  assert.is(quantile([1, 2, 3, 4], 0.5), 2.5);
  assert.is(quantile([1, 2, 3, 4, 5], 0.25), 2);
  assert.is(quantile([7], 0.75), 7);
  assert.equal(spreadOf([9, 1, 5, 3, 7]), { median: 5, low: 3, high: 7, count: 5 });
});

test('an error is relative to the reference, and infinite where nothing can be compared', () => {
  assert.ok(Math.abs(relativeError([3, 4.5], [3, 4]) - 0.1) < 1e-12);
  assert.is(relativeError([1], [1, 2]), Number.POSITIVE_INFINITY);
  assert.is(relativeError([Number.NaN, 1], [1, 1]), Number.POSITIVE_INFINITY);
  assert.is(relativeError([0, 0], [0, 0]), 0);
  assert.ok(Math.abs(geometricMean([2, 8]) - 4) < 1e-12);
});

const timed = (median: number, more: Partial<Extract<Outcome, { status: 'timed' }>> = {}): Outcome => ({
  status: 'timed',
  millis: { median, low: 0.9 * median, high: 1.1 * median, count: 3 },
  ...more,
});

const rows: Row[] = [
  {
    name: 'matmul 256',
    flops: 2e9,
    outcomes: {
      facet: timed(10),
      tfjs: timed(35),
      jax: { status: 'wrong', reason: 'relative error 17' },
      ort: timed(80),
    },
  },
  {
    name: 'gradient',
    outcomes: {
      facet: timed(4),
      tfjs: { status: 'failed', reason: 'no a | b' },
      jax: timed(400, { estimatedFrom: '50 times x', error: 3e-4 }),
    },
  },
  { name: 'own', outcomes: { facet: timed(1) } },
];

const report: PeerReport = {
  adapter: 'an adapter',
  browser: 'Chromium 1',
  date: '2026-01-02T03:04:05.000Z',
  command: 'facet bench',
  rounds: 3,
  versions: { facet: 'this checkout', tfjs: '4', jax: '0.1' },
  rows: rows.map((row) => (row.flops === undefined ? row : { ...row, limits: { peak: 8e11, loop: 4e11 } })),
  bundles: [{ name: 'tfjs', engine: 'tfjs', bytes: 2048, gzipBytes: 1024 }],
};

test('a peer that is wrong or failed has no ratio', () => {
  assert.is(ratioOf(rows[0], 'tfjs'), 3.5);
  assert.is(ratioOf(rows[0], 'jax'), undefined);
  assert.is(leastRatio(rows[0]), 3.5);
  assert.is(leastRatio(rows[1]), 100);
  assert.is(leastRatio(rows[2]), undefined);
});

test('the table says what was measured, what was estimated, and what went wrong', () => {
  const text = markdownOf(report);
  const lineOf = (name: string): string => text.split('\n').find((line) => line.startsWith(`| ${name} `)) ?? '';
  assert.is(
    lineOf('matmul 256'),
    '| matmul 256 | 10.0 (9.00–11.0) | 35.0 (31.5–38.5) **3.5x** | **wrong**: relative error 17 | **3.5x** | 200.0 | 800.0 | 25 % | 400.0 | 50 % |',
  );
  assert.is(
    lineOf('gradient'),
    '| gradient | 4.00 (3.60–4.40) | **failed**: no a \\| b | 400 (estimated, error 3e-4) **100x** | **100x** |  |  |  |  |  |',
  );
  assert.is(lineOf('own'), '| own | 1.00 (0.90–1.10) |  |  |  |  |  |  |  |  |');
  assert.ok(text.includes('3.5x at least, 19x in the geometric mean of 2 works'));
  assert.ok(!text.includes('onnxruntime')); // it was not run
  assert.is(lineOf('tfjs'), '| tfjs | 2 KiB | 1 KiB |');
});

test('works that this engine did not do right are faults, but not those of an earlier run', () => {
  assert.equal(ownFaults(report), []);
  const wrong: Row = { name: 'bad', outcomes: { facet: { status: 'wrong', reason: 'relative error 1' } } };
  const earlier: Row = { ...wrong, name: 'old', run: { date: '', command: '', rounds: 1 } };
  assert.equal(ownFaults({ ...report, rows: [...report.rows, wrong, earlier] }), ['bad']);
});

test('a share is of the limit of the same rounds; a report says where it has stopped', () => {
  assert.equal(
    report.rows.map((row) => shareOf(row, 'peak')),
    [0.25, undefined, undefined],
  );
  assert.is(shareOf(report.rows[0], 'loop'), 0.5);
  assert.is(shareOf(rows[0], 'loop'), undefined);
  assert.ok(markdownOf(report).includes('multiply-adds that load nothing'));
  assert.not.ok(markdownOf(report).includes('Stopped'));
  assert.ok(
    markdownOf({ ...report, stopped: '3 of 9 works' }).includes('`facet bench`. Stopped: 3 of 9 works. Medians'),
  );
});

const changed = (more: Partial<PeerReport>): PeerReport => ({ ...report, date: '2026-02-03T00:00:00.000Z', ...more });
const namesOf = ({ rows }: PeerReport): string[] => rows.map(({ name }) => name);

test('a run of a part leaves the other rows, which say of which run they are', () => {
  const order = ['matmul 256', 'matmul 512', 'gradient', 'own'];
  const anew: Row = { name: 'gradient', outcomes: { facet: timed(2), tfjs: timed(6) } };
  const part = withEarlier(changed({ rows: [anew], command: 'facet bench --only gradient' }), report, order);
  assert.equal(namesOf(part), ['matmul 256', 'gradient', 'own']);
  assert.is(part.rows[1], anew);
  assert.equal(part.rows[0].run, { date: report.date, command: 'facet bench', rounds: 3 });
  const text = markdownOf(part);
  assert.ok(text.includes('| matmul 256 [1] |') && text.includes('| gradient | 2.00') && text.includes('| own [1] |'));
  assert.ok(text.includes('[1] of an earlier run: 2026-01-02, `facet bench`, 3 rounds.\n'));
  assert.not.ok(markdownOf(report).includes('earlier'));

  // A third run tells the two apart.
  const third = withEarlier(changed({ rows: [{ name: 'matmul 512', outcomes: { facet: timed(9) } }] }), part, order);
  assert.equal(namesOf(third), order);
  assert.equal(
    third.rows.map(({ run }) => run?.command),
    ['facet bench', undefined, 'facet bench --only gradient', 'facet bench'],
  );
  const names = third.rows.map(({ name }) => markdownOf(third).match(new RegExp(`^\\| (${name}[^|]*) \\|`, 'm'))?.[1]);
  assert.equal(names, ['matmul 256 [1]', 'matmul 512', 'gradient [2]', 'own [1]']);
});

test('a run of everything, another browser or other versions keep nothing of an earlier run', () => {
  const part = rows.slice(1);
  const keeps = (now: PeerReport, names = namesOf(report)): boolean =>
    namesOf(withEarlier(now, report, names)).includes('matmul 256');
  assert.ok(keeps(changed({ rows: part })));
  assert.not.ok(keeps(changed({ rows: part }), ['gradient', 'own'])); // the work has gone, and all others are measured
  assert.not.ok(keeps(changed({ rows: part, browser: 'Chromium 2' })));
  assert.not.ok(keeps(changed({ rows: part, adapter: 'another' })));
  assert.not.ok(keeps(changed({ rows: part, versions: { ...report.versions, jax: '0.2' } })));
  assert.not.ok(keeps(changed({ rows: part, versions: { facet: 'this checkout' } })));
  assert.is(withEarlier(report, undefined, ['gradient']), report);
});

test('files are named after the adapter, and after what makes a run a part', () => {
  assert.is(baseOf({ adapter: 'Google SwiftShader', engines: ENGINES }, 'out'), 'out/google-swiftshader-peers');
  assert.is(baseOf({ adapter: 'x', engines: ['facet', 'jax'] }, 'out'), 'out/x-peers-facet-jax');
  assert.is(fileNameOf('SwiftShader driver 5.0.0', [], false), 'swiftshader-driver-5-0-0.json');
  assert.is(fileNameOf('a GPU', ['nets/Net 1.onnx'], true), 'a-gpu-net-1-quick.json');
});

test('the list of works follows the options', () => {
  const all = listWorks({ sizes: [256, 512], networks: ['squeezenet', 'googlenet', 'drawings'], isQuick: false });
  const quick = listWorks({ sizes: [256], networks: ['squeezenet', 'googlenet', 'drawings'], isQuick: true });
  const names = all.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  assert.ok(names.some((name) => name.startsWith('GoogLeNet')));
  assert.not.ok(quick.some(({ name }) => name.startsWith('GoogLeNet') || name.includes('512')));
  const only = listWorks({ sizes: [256], networks: ['drawings'], only: ['irfft2', 'matmul'], isQuick: true });
  assert.equal(
    only.map(({ name }) => name),
    ['matmul 256', 'irfft2, 224², 3 channels'],
  );
  assert.equal(textsOf('MatMul 256 | irfft2'), ['matmul 256', 'irfft2']);
  assert.equal(kindsOf(['matmul 256', 'matmul 512', 'a net, 224²: forward', '200 dispatches']), [
    'matmul',
    'a net',
    '200 dispatches',
  ]);
  // Without downloaded networks the one that comes along stands for them.
  assert.ok(
    listWorks({ sizes: [], networks: ['drawings'], isQuick: true }).some(
      ({ name }) => name === 'drawings, 64²: forward',
    ),
  );
  const masks = all.find(({ work }) => work.kind === 'masks');
  assert.equal(masks && peerPart(masks), { kind: 'masks', network: 'drawings', count: 128, grid: 7 });
});

test('masks show the cells of a coalition', () => {
  const cells = cellsOf(4, 6, 2);
  assert.equal([...cells], [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 2, 2, 2, 3, 3, 3]);
  const shown = pixelMasks(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 1), cells, 4, 1, 1);
  assert.equal(
    [...shown],
    [...cells].map((cell) => (cell === 0 || cell === 3 ? 1 : 0)),
  );
  const [few, many] = [coalitions(2, 3), coalitions(4, 3)];
  assert.equal(few, many.subarray(0, few.length));
  const numbers = uniform(3, 1000, 2, 4);
  assert.ok(numbers.every((x) => x >= 2 && x < 4));
  assert.ok(Math.abs(numbers.reduce((a, b) => a + b) / 1000 - 3) < 0.1);
});

/** What is asked of an engine, as text; pictures are [height, width] and a text. */
interface Told {
  readonly text: string;
  readonly size: readonly [number, number];
}

const teller = (kept: string[]): NetworkOps<Told> => {
  const after = (x: Told, text: string, { kernel, strides, pads }: WindowAttrs): Told => {
    const side = (axis: 0 | 1) =>
      Math.floor((x.size[axis] + pads[axis] + pads[axis + 2] - kernel[axis]) / strides[axis]) + 1;
    return { text, size: [side(0), side(1)] };
  };
  return {
    weight: (name) => ({ text: name, size: [0, 0] }),
    keep(x) {
      kept.push(x.text);
      return x;
    },
    sizeOf: ({ size }) => size,
    conv: (x, w, b, attrs, isRelu) => after(x, `conv(${x.text},${w.text},${b?.text}${isRelu ? ',relu' : ''})`, attrs),
    relu: (x) => ({ ...x, text: `relu(${x.text})` }),
    maxPool: (x, attrs) => after(x, `max(${x.text},${attrs.pads})`, attrs),
    globalAverage: (x) => ({ text: `mean(${x.text})`, size: [1, 1] }),
    concat: (list) => ({ ...list[0], text: `[${list.map(({ text }) => text)}]` }),
    lrn: (x) => x,
    dense: (x, w) => ({ ...x, text: `dense(${x.text},${w.text})` }),
  };
};

test('the walk fuses a ReLU that is alone with its convolution, keeps what is read again, and pads for windows that hang over', () => {
  const weight = (shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b)) });
  const window = { kernel_shape: [3, 3], strides: [2, 2] };
  const file = encodeModel({
    name: 'net',
    nodes: [
      { op: 'Conv', inputs: ['x', 'w', 'b'], output: 'c', attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
      { op: 'Relu', inputs: ['c'], output: 'r' },
      { op: 'MaxPool', inputs: ['r'], output: 'm', attributes: { ...window, ceil_mode: 1 } },
      { op: 'MaxPool', inputs: ['r'], output: 'n', attributes: { ...window, ceil_mode: 1 } },
      { op: 'Concat', inputs: ['m', 'n'], output: 'y', attributes: { axis: 1 } },
    ],
    weights: new Map([
      ['w', weight([2, 3, 3, 3])],
      ['b', weight([2])],
    ]),
    inputs: [{ name: 'x', shape: [1, 3, 8, 9] }],
    outputs: [{ name: 'y', shape: [1, 4, 4, 4] }],
    metadata: {},
  });
  const { graph } = decodeModel(file, 'net');
  const kept: string[] = [];
  const x = { text: 'x', size: [8, 9] as const };
  const y = walk(graph, teller(kept), x);
  // Rows: 8 + 1 are four windows of 3 by 2; columns: 9 fit as they are.
  assert.is(y.text, '[max(conv(x,w,b,relu),0,0,1,0),max(conv(x,w,b,relu),0,0,1,0)]');
  assert.equal(y.size, [4, 4]);
  assert.equal(kept, ['conv(x,w,b,relu)']);
  assert.is(walk(graph, teller([]), x, { until: 'c' }).text, 'conv(x,w,b)');
  assert.is(walk(graph, teller([]), { text: 'r', size: [5, 5] }, { from: 'r', until: 'n' }).text, 'max(r,0,0,0,0)');
});
