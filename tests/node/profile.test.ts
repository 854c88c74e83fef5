// profile.test.ts: the parts of a profile that need no GPU: the roofline, what is said of a step, memory over the steps, the
// Chrome trace and the drawings.

import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { profileText } from '../../cli/profileReport.ts';
import { gradient } from '../../src/autodiff/gradient.ts';
import { costOf } from '../../src/engine/cost.ts';
import { buffersOf, layersOf, opsOf, titleOf, workgroupSize } from '../../src/engine/describe.ts';
import { computation, Graph, type OpNode } from '../../src/engine/graph.ts';
import { repeatsFor } from '../../src/engine/gpu/lapTimer.ts';
import * as ops from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { makePlan, type Plan } from '../../src/engine/plan.ts';
import { type Profile, shareOf, type StepProfile, totalsByKind } from '../../src/engine/profile.ts';
import { judge, type MeasuredRoofline, ridge, roofAt, rooflineWarning, scatterOf } from '../../src/engine/roofline.ts';
import { median, quantile } from '../../src/engine/statistics.ts';
import { memoryTimeline } from '../../src/engine/timeline.ts';
import { chromeTrace } from '../../src/engine/trace.ts';
import { shaderText } from '../../src/engine/wgsl.ts';
import { loadedKernels } from '../../src/kernels/families.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { DeviceTraits } from '../../src/kernels/types.ts';
import { memoryPlot } from '../../src/viz/render/memoryPlot.ts';
import { boxOf, placeNames } from '../../src/viz/render/placeNames.ts';
import { rooflinePlot } from '../../src/viz/render/rooflinePlot.ts';
import { cases } from '../cases/index.ts';
import { loadEverything } from '../support/kernels.ts';
import { suite } from '../support/suite.ts';

const test = suite('profile');
test.before(loadEverything);

/** 10 GFLOP/s, 2 GB/s: the ridge is at 5 operations a byte. */
const roofline: MeasuredRoofline = {
  flopsPerSecond: 1e10,
  loopFlopsPerSecond: 4e9,
  bytesPerSecond: 2e9,
  copyBytesPerSecond: 4e9,
  dispatchMicros: 10,
  rounds: 6,
  worst: { flopsPerSecond: 8e9, bytesPerSecond: 1.5e9, dispatchMicros: 200 },
};

test('a step is held against the limit that it meets first', () => {
  // 1 MFLOP takes 100 us at least, 1 MB takes 500 us.
  assert.equal(judge({ flops: 1e6, bytes: 1e4 }, 400, roofline), {
    bound: 'arithmetic',
    idealMicros: 100,
    share: 0.25,
  });
  assert.equal(judge({ flops: 1e6, bytes: 1e6 }, 1000, roofline), { bound: 'memory', idealMicros: 500, share: 0.5 });
  assert.equal(judge({ flops: 1e4, bytes: 1e4 }, 20, roofline), { bound: 'overhead', idealMicros: 5, share: 0.25 });
  assert.equal(judge({ flops: 0, bytes: 0 }, 0, roofline), { bound: 'overhead', idealMicros: 0, share: 0 });
  assert.is(ridge(roofline), 5);
  assert.is(roofAt(1, roofline), 2e9);
  assert.is(roofAt(50, roofline), 1e10);
});

test('limits that scattered are warned of, by how much', () => {
  assert.is(scatterOf(roofline), 0.25);
  assert.is(rooflineWarning(roofline), undefined, 'an empty dispatch may scatter as it likes');
  const halved = { ...roofline, worst: { ...roofline.worst, flopsPerSecond: 4.5e9 } };
  assert.match(rooflineWarning(halved) ?? '', /^Between rounds the limits fell by up to 55 %: [^.]+\.$/);
});

test('medians and quartiles lie between neighbours', () => {
  assert.is(median([9, 1, 5]), 5);
  assert.is(median([4, 1, 9, 2]), 3);
  assert.is(quantile([1, 2, 3, 4, 5], 0.25), 2);
  assert.is(quantile([1, 3], 0.75), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a program without dispatches is told of in numbers', () => {
  const profile: Profile = {
    program: 'identity',
    adapter: 'none',
    clock: 'wall',
    rounds: 1,
    roofline,
    steps: [],
    stepMicros: 0,
    replayMicros: 40,
    memory: memoryTimeline(makePlan(computation({ x: new Graph().input('x', [4]) }))),
  };
  const text = profileText(
    { profile, compileMillis: 1, profileMillis: 2, choices: { tuned: 0, known: 0 }, chosenBy: 'by nobody' },
    { top: 0, files: [] },
  );
  assert.match(text, /^kernels +by nobody$/m);
  assert.match(text, /^steps +0 dispatches/m);
  assert.match(text, /^ +worst +8\.00 GFLOP\/s, 1\.50 GB\/s, 200 µs, of 6 measurements$/m);
  assert.match(text, /^timed +1 round by/m);
  assert.not.match(text, /NaN|Infinity|warning/);
});

test('the table names buffers where they are asked for, and the text warns of limits that scattered', () => {
  const found = madeUp();
  const shown = { top: 2, files: [] };
  const timed = { compileMillis: 1, profileMillis: 2, choices: { tuned: 0, known: 0 }, chosenBy: 'by nobody' };
  assert.not.match(profileText({ ...timed, profile: found }, shown), /buffers$|weights$/m);
  const halved = { ...roofline, worst: { ...roofline.worst, bytesPerSecond: 1e9 } };
  const text = profileText({ ...timed, profile: { ...found, roofline: halved } }, { ...shown, buffers: true });
  assert.match(text, /^step .* bound +buffers$/m);
  assert.match(text, / slot \d+ <- (slot \d+|state "picture"), /);
  assert.match(text, /^warning +Between rounds .* 50 %/m);
});

test('repetitions grow until the clock resolves them, and no further', () => {
  assert.is(repeatsFor(2000, 1, 500, 100), 4);
  assert.is(repeatsFor(2000, 1, 50_000, 100), 1, 'what is long enough is done once');
  assert.is(repeatsFor(2000, 1, 0, 100), 16, 'a time within the grain says nothing but that it is short');
  assert.is(repeatsFor(2000, 16, 1000, 100), 32);
  assert.is(repeatsFor(2000, 4096, 0, 100), 4096);
});

/** Two convolutions with bias and ReLU, a pooling and a gradient: fused, in place and shared buffers. */
function smallPlan(): Plan {
  const graph = new Graph();
  const numbers = (...shape: number[]) =>
    graph.constant({ shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i)) });
  const x = graph.state('picture', { shape: [1, 8, 8, 4], data: new Float32Array(256) });
  const layer = (value: typeof x, label: string, channels: number): typeof x => {
    const c = value.shape[3];
    const y = ops.conv2d(value, numbers(3, 3, c, channels), { pads: [1, 1, 1, 1], label });
    return ops.relu(ops.add(y, numbers(channels)));
  };
  const hidden = ops.maxPool(layer(x, 'first', 8), { kernel: [2, 2], strides: [2, 2], label: 'pool' });
  const loss = ops.sum(ops.square(layer(hidden, 'second', 4)));
  const [dx] = gradient(loss, [x]);
  return makePlan(optimize(computation({ loss }, [{ state: x, value: ops.sub(x, ops.mul(dx, 0.1)) }])));
}

test('a step says what was fused, which layer it belongs to and what it is bound to', () => {
  const { graph, steps } = smallPlan();
  const titles = steps.map(({ node }) => titleOf(opsOf(graph, node)));
  assert.is(titles[0], 'conv2d + bias + relu');
  const layers = layersOf(smallPlan());
  assert.is(layers[0], 'first');
  for (const layer of ['second', 'd second', 'd pool', 'd first', 'update picture']) {
    assert.ok(layers.includes(layer), `${layer}: ${layers}`);
  }
  const [output, x, w, bias] = buffersOf(graph, steps[0]);
  assert.equal(output, { binding: 1, role: 'output', place: 'slot 0', shape: [1, 8, 8, 8], bytes: 2048 });
  assert.equal(x, { binding: 2, role: 'input', place: 'state "picture"', shape: [1, 8, 8, 4], bytes: 1024 });
  assert.is(w.place, 'weights');
  assert.equal([bias.binding, bias.role, bias.bytes], [4, 'epilogue', 32]);
  const counting = new Graph();
  const count = counting.state('count', { shape: [4], data: new Float32Array(4) });
  const inPlace = makePlan(computation({}, [{ state: count, value: ops.add(count, counting.input('by', [4])) }]));
  const uses = buffersOf(inPlace.graph, inPlace.steps[0]);
  assert.equal(
    uses.map(({ binding, role, place }) => [binding, role, place]),
    [
      [1, 'output and input', 'state "count"'],
      [2, 'input', 'input "by"'],
    ],
  );
  assert.match(titleOf(Array.from({ length: 9 }, (_, k) => (k % 3 ? 'mul' : 'exp'))), /^9 ops: mul x6, exp x3$/);
});

test('a step that writes into a concat says where, and the concat is one value from its first part on', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 4]);
  const branch = (channels: number, label: string) =>
    ops.conv2d(x, graph.constant({ shape: [1, 1, 4, channels], data: new Float32Array(4 * channels).fill(1) }), {
      label,
    });
  const parts = [branch(8, 'left'), branch(12, 'middle'), branch(4, 'right')];
  const plan = makePlan(
    optimize(computation({ y: ops.maxPool(ops.concat(parts, -1, 'joined'), { kernel: [2, 2], strides: [2, 2] }) })),
  );
  assert.equal(
    plan.steps.map((step) => buffersOf(plan.graph, step)[0]),
    [
      { binding: 1, role: 'output', place: 'slot 0 from channel 0', shape: [1, 4, 4, 8], bytes: 512 },
      { binding: 1, role: 'output', place: 'slot 0 from channel 8', shape: [1, 4, 4, 12], bytes: 768 },
      { binding: 1, role: 'output', place: 'slot 0 from channel 20', shape: [1, 4, 4, 4], bytes: 256 },
      { binding: 1, role: 'output', place: 'slot 1', shape: [1, 2, 2, 24], bytes: 384 },
    ],
  );
  assert.equal(layersOf(plan).slice(0, 3), ['left', 'middle', 'right']);
  assert.is(plan.memory.unshared, 1536 + 384);
  const { lifetimes, live } = memoryTimeline(plan);
  assert.equal(lifetimes[0], {
    slot: 0,
    label: 'joined',
    shape: [1, 4, 4, 24],
    bytes: 1536,
    first: 0,
    last: 3,
    kept: false,
  });
  assert.is(lifetimes.length, 2);
  assert.equal(live, [1536, 1536, 1536, 1920]);
});

test('the parts of a lowered op belong to its layer, and what several values need belongs to none', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 30, 4]);
  const spectrum = ops.rfft(x, 1, { label: 'spectrum' });
  const shared = ops.sum(spectrum, [1]);
  const plan = makePlan(optimize(computation({ a: ops.sum(shared), b: ops.square(shared), spectrum })));
  const layers = layersOf(plan);
  const stages = plan.steps.flatMap(({ node }, k) => (node.op === 'fftStage' ? [layers[k]] : []));
  assert.ok(stages.length > 1, 'it takes several');
  assert.ok(
    stages.every((layer) => layer === 'spectrum'),
    `${stages}`,
  );
  const sums = plan.steps.flatMap(({ node }, k) => (node.op === 'sum' ? [layers[k]] : []));
  assert.ok(
    sums.every((layer) => layer === 'sum'),
    `${sums}`,
  );
});

test('an epilogue counts with its op', () => {
  const { graph, steps } = smallPlan();
  const { node } = steps[0];
  const alone = costOf(graph, { ...node, epilogue: undefined } as OpNode);
  const fused = costOf(graph, node);
  assert.is(fused.flops - alone.flops, 2 * 8 * 8 * 8, 'an addition and a maximum for each value');
  assert.is(fused.bytes - alone.bytes, 4 * 8, 'the bias');
  assert.is(alone.flops, 2 * 8 * 8 * 8 * 9 * 4);
});

test('the size of a workgroup is read off every kernel there is', () => {
  const base = { subgroups: true, maxWorkgroupStorageBytes: 32768, maxInvocationsPerWorkgroup: 256 };
  const devices: DeviceTraits[] = (['software', 'gpu'] as const).map((kind) => ({
    ...base,
    kind,
    maxWorkgroupsPerDimension: 65535,
  }));
  let count = 0;
  for (const row of cases) {
    const { steps, graph: planned } = makePlan(computation({ y: row.build(inputsOf(row.inputs)) }));
    for (const { node } of steps) {
      const inputs = node.inputs.map((id) => planned.nodes[id].shape);
      for (const device of devices) {
        const context = { inputs, attrs: node.attrs, output: node.shape, device };
        for (const { shader, text, overrides, variant } of loadedKernels(node, device.kind)(context)) {
          const size = workgroupSize(shaderText(shader, text), overrides);
          const invocations = size.reduce((a, b) => a * b, 1);
          assert.ok(
            Number.isInteger(invocations) && invocations >= 1 && invocations <= 256,
            `${node.op} ${variant}: ${size}`,
          );
          count++;
        }
      }
    }
  }
  assert.ok(count > 300, `${count} kernels`);
  const plain = '@compute @workgroup_size(WIDE, 4)\nfn main() {}';
  assert.equal(workgroupSize(`const WIDE: u32 = 8u;\n${plain}`), [8, 4, 1]);
  assert.equal(workgroupSize(`override WIDE: u32 = 8;\n${plain}`, { WIDE: 16 }), [16, 4, 1]);
  assert.throws(() => workgroupSize(plain), /"WIDE" is neither/);
});

function inputsOf(shapes: readonly (readonly number[])[]) {
  const graph = new Graph();
  return shapes.map((shape, k) => graph.input(`x${k}`, shape));
}

test('memory over the steps: no two values in one buffer, none gone before it is read', () => {
  const plan = smallPlan();
  const { lifetimes, live, slots, peakLive, fixed } = memoryTimeline(plan);
  assert.is(lifetimes.length, plan.steps.filter(({ output }) => output.kind === 'slot').length);
  for (const [k, a] of lifetimes.entries()) {
    assert.ok(a.first <= a.last && a.bytes <= slots[a.slot]);
    for (const b of lifetimes.slice(k + 1)) {
      assert.ok(a.slot !== b.slot || a.last < b.first || b.last < a.first, `${a.label} and ${b.label}`);
    }
  }
  plan.steps.forEach(({ inputs }, k) => {
    for (const place of inputs) {
      if (place.kind !== 'slot') continue;
      const holds = lifetimes.some(({ slot, first, last }) => slot === place.index && first < k && k <= last);
      assert.ok(holds, `step ${k} reads slot ${place.index}`);
    }
  });
  assert.is(peakLive, Math.max(...live));
  assert.ok(peakLive <= plan.memory.slots && fixed > 0);
  const output = plan.outputs.get('loss');
  const kept = lifetimes.filter((lifetime) => lifetime.kept);
  assert.is(kept.length, 1);
  assert.ok(output?.kind === 'slot' && kept[0].slot === output.index);
  assert.is(kept[0].last, plan.steps.length - 1);
});

const HOSTILE = '<script>"&\'\u0007';

/** A profile as if each step took 10 us more than the one before. */
function madeUp(): Profile {
  const plan = smallPlan();
  const { graph } = plan;
  const steps = plan.steps.map((planned, index): StepProfile => {
    const { node } = planned;
    const { flops, bytes } = costOf(graph, node);
    const micros = 10 * (index + 1);
    const { share, bound } = judge({ flops, bytes }, micros, roofline);
    return {
      index,
      label: index === 0 ? HOSTILE : (node.label ?? node.op),
      op: node.op,
      ops: opsOf(graph, node),
      title: titleOf(opsOf(graph, node)),
      variant: 'naive',
      shape: node.shape,
      workgroups: [2, 1, 1],
      workgroupSize: [64, 1, 1],
      micros,
      low: micros,
      high: micros,
      repeats: 1,
      flops,
      bytes,
      gflops: flops / micros / 1e3,
      gbytes: bytes / micros / 1e3,
      share,
      bound,
      buffers: buffersOf(graph, planned),
      kernel: { file: 'conv2d.wgsl', source: '', overrides: {}, uniforms: {} },
    };
  });
  const stepMicros = steps.reduce((sum, { micros }) => sum + micros, 0);
  return {
    program: 'made up',
    adapter: 'none',
    clock: 'timestamps',
    rounds: 1,
    roofline,
    steps,
    stepMicros,
    replayMicros: 1.1 * stepMicros,
    memory: memoryTimeline(plan),
  };
}

test('sums by kernel hold all time and all work', () => {
  const { steps, stepMicros } = madeUp();
  const totals = totalsByKind(steps);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  assert.is(sum(totals.map(({ micros }) => micros)), stepMicros);
  assert.is(sum(totals.map(({ count }) => count)), steps.length);
  assert.is(sum(totals.map(({ flops }) => flops)), sum(steps.map(({ flops }) => flops)));
  assert.ok(totals.every(({ micros }, k) => k === 0 || micros <= totals[k - 1].micros));
  const ideal = sum(steps.map(({ flops, bytes }) => judge({ flops, bytes }, 1, roofline).idealMicros));
  assert.ok(Math.abs(shareOf(steps) - ideal / stepMicros) < 1e-12);
});

test('the Chrome trace: steps in a row, values in their buffers, memory as a counter', () => {
  const found = madeUp();
  const { traceEvents } = JSON.parse(JSON.stringify(chromeTrace(found))) as ReturnType<typeof chromeTrace>;
  const steps = traceEvents.filter(({ ph, pid }) => ph === 'X' && pid === 1);
  assert.is(steps.length, found.steps.length);
  let now = 0;
  for (const { ts, dur, args } of steps) {
    assert.is(ts, now);
    now += dur as number;
    assert.is(
      (args as { step: number }).step,
      steps.findIndex((event) => event.ts === ts),
    );
  }
  assert.is(now, found.stepMicros);
  const buffers = traceEvents.filter(({ ph, pid }) => ph === 'X' && pid === 2);
  assert.is(buffers.length, found.memory.lifetimes.length);
  for (const a of buffers) {
    assert.ok((a.ts as number) + (a.dur as number) <= now + 1e-9);
    for (const b of buffers) {
      const isApart = (a.ts as number) + (a.dur as number) <= (b.ts as number) + 1e-9;
      assert.ok(a === b || a.tid !== b.tid || isApart || (b.ts as number) < (a.ts as number));
    }
  }
  const counters = traceEvents.filter(({ ph }) => ph === 'C');
  assert.is(counters.length, found.steps.length + 1);
  assert.is(Math.max(...counters.map(({ args }) => (args as { alive: number }).alive)), found.memory.peakLive);
  assert.ok(traceEvents.every(({ ph, name, pid, tid }) => 'XCM'.includes(ph) && name && pid > 0 && tid >= 0));
});

test('the drawings hold every step, are pictures, and let no name out of its place', async () => {
  const found = madeUp();
  const plots = [rooflinePlot(found), memoryPlot(found), rooflinePlot(found, { ground: true })];
  for (const svg of plots) {
    assert.not.match(svg, /<script|NaN|Infinity|undefined|\p{Cc}(?<!\n)/u);
    const { format, width } = await sharp(Buffer.from(svg)).metadata();
    assert.is(format, 'svg');
    assert.is(width, 900);
  }
  const marked = (svg: string): number => [...svg.matchAll(/data-step="\d+"/g)].length;
  assert.is(marked(plots[0]), found.steps.length);
  assert.is(marked(plots[1]), found.memory.lifetimes.length);
  assert.match(plots[0], /&#60;script&#62;/);
});

test('a narrower drawing has letters as large, and everything stays within it', async () => {
  const found = madeUp();
  for (const width of [300, 420, 600, 1200]) {
    for (const svg of [rooflinePlot(found, { width }), memoryPlot(found, { width })]) {
      const { width: drawn, height = 0 } = await sharp(Buffer.from(svg)).metadata();
      assert.is(drawn, width);
      assert.not.match(svg, /font-size="(?!12")/);
      for (const [, x, y] of svg.matchAll(/<(?:text|circle)[^>]*? c?x="([\d.-]+)" c?y="([\d.-]+)"/g)) {
        assert.ok(
          Number(x) >= 0 && Number(x) <= width && Number(y) >= 0 && Number(y) <= height,
          `${width}: ${x}, ${y}`,
        );
      }
    }
  }
});

test('names stand beside their discs, over no disc and no other name, or not at all', () => {
  const frame = { x0: 0, y0: 0, x1: 400, y1: 300 };
  const discs = Array.from({ length: 40 }, (_, k) => ({ x: (k * 97) % 400, y: (k * 61) % 300, radius: 3 + (k % 12) }));
  const named = discs.map((disc, k) => ({ name: `layer ${k}`, disc }));
  const title = boxOf('the roof of this device', 120, 40);
  const placed = placeNames(named, discs, [title], frame, 12);
  assert.is(placed.length, 12);
  const boxes = placed.map(({ name, x, y }) => boxOf(name, x, y));
  const all = [title, ...boxes];
  for (const [k, a] of all.entries()) {
    assert.ok(a.x0 >= 0 && a.x1 <= 400 && a.y0 >= 0 && a.y1 <= 300);
    for (const b of all.slice(k + 1)) assert.ok(a.x1 <= b.x0 || b.x1 <= a.x0 || a.y1 <= b.y0 || b.y1 <= a.y0);
  }
  for (const { x0, x1, y0, y1 } of boxes) {
    for (const { x, y, radius } of discs) {
      const [dx, dy] = [x - Math.min(Math.max(x, x0), x1), y - Math.min(Math.max(y, y0), y1)];
      assert.ok(Math.hypot(dx, dy) >= radius);
    }
  }
  const crowded = Array.from({ length: 400 }, (_, k) => ({ x: 20 * (k % 20), y: 15 * Math.floor(k / 20), radius: 9 }));
  assert.equal(placeNames(named, crowded, [], frame, 12), []);
});
