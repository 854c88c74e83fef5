// `facet attribute` as a user meets it: how maps are drawn, and what Ctrl-C leaves. Runs on whatever adapter `auto` finds.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { flagOf } from '../../cli/methodOptions.ts';
import { decodeNpy } from '../../cli/npy.ts';
import { methods } from '../../src/viz/attribution/methods.ts';
import { close } from '../support/close.ts';
import { json, type Result, start, succeed } from '../support/command.ts';
import { suite } from '../support/suite.ts';

const test = suite('command line: attribute');
const folder = mkdtempSync(path.join(tmpdir(), 'facet-attribute-'));
const at = (name: string): string => path.join(folder, name);
const NETWORK = 'drawings';
const SIDE = 32;
const SLOW = { timeoutSeconds: 300 };

test.before(async () => {
  const disc = `<svg width="${SIDE}" height="${SIDE}"><rect width="100%" height="100%" fill="#2850a0"/><circle cx="15" cy="14" r="9" fill="#e6b45a"/></svg>`;
  await sharp(Buffer.from(disc)).png().toFile(at('disc.png'));
});
test.after(() => rmSync(folder, { recursive: true }));

/** `interrupt`: Ctrl-C as soon as something was written to standard error. */
const facet = (args: readonly string[], interrupt?: (stderr: string) => boolean): Promise<Result> =>
  start(['attribute', NETWORK, '--input', at('disc.png'), ...args], {}, (stderr, child) => {
    if (interrupt?.(stderr)) child.kill('SIGINT');
  }).done;

async function pixels(name: string): Promise<{ width: number; height: number; data: Buffer }> {
  const { data, info } = await sharp(at(name)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** RGB at a place. */
const colorAt = ({ data, width }: { data: Buffer; width: number }, row: number, column: number): number[] => [
  ...data.subarray(3 * (row * width + column), 3 * (row * width + column) + 3),
];

test('help says once what an option is about, and of a named method what it means there', async () => {
  /** Of one line each, where narrow help is wrapped. */
  const lineOf = (help: string, flag: string) =>
    help
      .replace(/\n {8,}/g, ' ')
      .split('\n')
      .filter((line) => line.startsWith(`  --${flag} `));
  for (const command of ['attribute', 'sanity']) {
    const all = await succeed(command, '--help');
    for (const { options } of Object.values(methods)) {
      for (const name of Object.keys(options)) assert.is(lineOf(all, flagOf(name)).length, 1, name);
    }
    assert.not.match(all, /[^,]; or /);
    assert.not.match(all, 'of a meaning of its own'); // each option of several meanings is described
    assert.match(all, '--method NAME --help');

    const own = await succeed(command, '--method', 'rise', '--help');
    assert.match(own, /Options of rise:\n/);
    assert.match(lineOf(own, 'keep').join(), /<number> +chance that a cell is seen \(default: 0\.5\)$/);
    assert.match(own, /^rise: mean of random soft masks.*arxiv/m);
    assert.equal([...lineOf(own, 'rule'), ...lineOf(own, 'steps')], []);
    for (const shared of ['target', 'input', 'seed']) assert.is(lineOf(own, shared).length, 1, shared);
  }
  const [base] = lineOf(await succeed('attribute', '--help', '--method', 'vargrad'), 'base');
  assert.match(base, /averaged: gradient, input-x-gradient, .*grad-cam.* \(default: gradient\)/);
});

test(
  'draws the map over the picture, alone, or all beside each other',
  async () => {
    const draw = async (name: string, ...more: string[]) => {
      const { status, stderr } = await facet(['--method', 'input-x-gradient', '--output', at(name), ...more]);
      assert.is(status, 0, stderr);
      return pixels(name);
    };
    const over = await draw('over.png', '--raw', at('map.npy'));
    const alone = await draw('alone.png', '--view', 'map', '--clip', '100');
    const side = await draw('side.png', '--view', 'side');
    const magnitudes = await draw('gray.png', '--view', 'map', '--clip', '100', '--colors', 'gray');

    const { data: values, shape } = decodeNpy(readFileSync(at('map.npy')), 'map');
    const [, channels, height, width] = shape;
    assert.equal([over.width, over.height, alone.width, alone.height], [width, height, width, height]);
    const map = Float64Array.from({ length: height * width }, (_, i) =>
      Array.from({ length: channels }, (_, c) => values[c * height * width + i]).reduce((a, b) => a + b, 0),
    );
    const largest = map.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    // Unclipped magnitudes in grey are the map itself.
    close(
      Float64Array.from(map, (_, i) => magnitudes.data[3 * i]),
      map.map((value) => (255 * Math.abs(value)) / largest),
      { absolute: 1.5 },
      'grey',
    );
    // Red where values are positive, blue where they are negative.
    for (const [i, value] of map.entries()) {
      if (Math.abs(value) < largest / 4) continue;
      const [red, , blue] = colorAt(alone, Math.floor(i / width), i % width);
      assert.is(red > blue, value > 0, `value ${value} of ${largest} at ${i}`);
    }

    const gap = (side.width - 3 * width) / 2;
    assert.ok(gap >= 1, `${side.width} pixels`);
    for (const place of [0, Math.floor(height / 2), height - 1]) {
      const right = colorAt(side, place, 2 * (width + gap) + place);
      assert.equal(right, colorAt(over, place, place), 'the overlay is on the right');
      assert.equal(colorAt(side, place, width), [255, 255, 255], 'white between them');
    }
  },
  SLOW,
);

test('refuses what it cannot draw with', async () => {
  const mistakes: [RegExp, string[]][] = [
    [/--clip.*above 0, up to 100/, ['--clip', '0']],
    [/--view.*overlay, map, side/, ['--view', 'sideways']],
    [/--colors.*red-blue/, ['--colors', 'sepia']],
  ];
  for (const [says, args] of mistakes) {
    const { status, stdout, stderr } = await facet(['--method', 'gradient', ...args]);
    assert.is(status, 2);
    assert.is(stdout, '');
    assert.match(stderr, says);
  }
});

test(
  'what the network cannot give is a wrong argument: exit code 2, one sentence, nothing written',
  async () => {
    const mistakes: [RegExp, string[]][] = [
      [/class 99 is none of the network's/, ['--method', 'gradient', '--target', '99']],
      [/class -1 is none of the network's/, ['--method', 'gradient', '--target=-1']],
      [/has no layer "nowhere"/, ['--method', 'grad-cam', '--layer', 'nowhere']],
      [/"conv1" names no unit/, ['--method', 'gradient', '--of', 'conv1']],
      [/channel 9999 is none of them/, ['--method', 'gradient', '--of', 'conv1:9999']],
      [/no extent in space to be drawn/, ['--method', 'gradient', '--layer', 'logits']],
      [/2\^49 evaluations/, ['--method', 'shapley', '--estimator', 'exact']],
      [/grid of 99 does not cut/, ['--method', 'lime', '--grid', '99']],
      [/grid and segments both/, ['--method', 'shapley', '--grid', '3', '--segments', '4']],
      [/budget of 3 evaluations is too small/, ['--method', 'shapley', '--segments', '9', '--budget', '3']],
      [/stride of 9x9 passes over pixels/, ['--method', 'occlusion', '--window', '5', '--stride', '9']],
      [/Name the layer too/, ['--method', 'deconvnet', '--channel', '3']],
    ];
    for (const [says, args] of mistakes) {
      const { status, stdout, stderr } = await facet([
        ...args,
        '--output',
        at('refused.png'),
        '--raw',
        at('refused.npy'),
      ]);
      assert.match(stderr, says);
      assert.match(stderr, /^facet: [^\n]+\.\n$/);
      assert.is(status, 2, stderr);
      assert.is(stdout, '');
      assert.not(
        readdirSync(folder).some((name) => name.startsWith('refused')),
        stderr,
      );
    }
  },
  SLOW,
);

test('a channel that is sent back is what is explained, not a class', async () => {
  const args = ['--method', 'deconvnet', '--layer', 'conv2', '--channel', '3'];
  const told = JSON.parse((await facet([...args, '--json'])).stdout);
  assert.equal([told.unit, told.target], ['conv2:3', undefined]);
  assert.match((await facet(args)).stdout, /: deconvnet of conv2:3: value /);
  const { status, stderr } = await facet([...args, '--target', '1']);
  assert.is(status, 2);
  assert.match(stderr, /--channel explains a channel and --target a class/);
});

test('LIME says how well its model fits', async () => {
  const args = ['--method', 'lime', '--grid', '3', '--samples', '40'];
  const told = JSON.parse((await facet([...args, '--json'])).stdout);
  assert.ok(told.rSquared > 0 && told.rSquared <= 1, `R² ${told.rSquared}`);
  assert.ok((await facet(args)).stdout.includes(`, R² ${told.rSquared.toFixed(3)}, from `));
});

test('Shapley values by hand: sets, contributions, values, and methods that agree or count twice', async () => {
  const { sets, orders, values, gain, methods } = await json('shapley-example');
  assert.equal(
    sets.map(({ players, score }: { players: number[]; score: number }) => [players.join(), score]),
    [
      ['', 0],
      ['1', 1],
      ['2', 1],
      ['1,2', 2.5],
    ],
  );
  assert.equal(orders, [
    { order: [1, 2], contributions: [1, 1.5] },
    { order: [2, 1], contributions: [1.5, 1] },
  ]);
  assert.equal([...values, gain], [1.25, 1.25, 2.5]);
  const expected = {
    shapley: 1.25,
    'integrated-gradients': 1.25,
    deeplift: 1.25,
    'input-x-gradient': 1.5,
    'feature-ablation': 1.5,
  };
  assert.equal(
    methods.map(({ method }: { method: string }) => method),
    Object.keys(expected),
  );
  for (const { method, values, sum } of methods) {
    const each = expected[method as keyof typeof expected];
    close([...values, sum], [each, each, 2 * each], { absolute: 1e-5 }, method);
  }
});

/** Where there is no terminal the first line of progress comes after ten seconds: then there is an estimate. */
const isUnderWay = (stderr: string): boolean => / \d+\/\d+/.test(stderr);

test(
  'Ctrl-C: an estimate is kept and named as one',
  async () => {
    const args = ['--method', 'shapley', '--grid', '4', '--budget', '99999992'];
    const files = ['--output', at('so-far.png'), '--raw', at('so-far.npy')];
    const { status, stdout, stderr } = await facet([...args, ...files], isUnderWay);
    assert.is(status, 1);
    assert.is(stdout, '');
    assert.match(
      stderr,
      /facet: stopped in shapley at \d+ of \d{8} and keeps its estimate so far: .*standard error up to/,
    );
    assert.match(stderr, /wrote .*so-far\.png; wrote .*so-far\.npy/);
    const { data, shape } = decodeNpy(readFileSync(at('so-far.npy')), 'so far');
    assert.equal(shape, [1, 16]);
    assert.ok(data.some((value) => value !== 0));
    assert.ok((await pixels('so-far.png')).width > 0);
  },
  SLOW,
);

test(
  'Ctrl-C: what is no estimate is not written',
  async () => {
    const args = ['--method', 'integrated-gradients', '--steps', '100000', '--rule', 'riemann-middle'];
    const { status, stdout, stderr } = await facet([...args, '--output', at('never.png')], isUnderWay);
    assert.is(status, 1);
    assert.is(stdout, '');
    assert.match(
      stderr,
      /facet: stopped in integrated-gradients at \d+ of \d+ and keeps nothing\. Nothing is written\.\n$/,
    );
    assert.not(existsSync(at('never.png')));
    assert.is(readdirSync(folder).filter((name) => name.endsWith('.tmp')).length, 0);
  },
  SLOW,
);
