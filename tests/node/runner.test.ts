// The runner's own rules, tried on tests/fixtures/runner: whatever goes wrong there must be reported as a failure.

import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { close } from '../support/close.ts';
import { suite } from '../support/suite.ts';

const fixtures = 'tests/fixtures/runner';

function run(filter: string, options: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const args = ['tests/run.mjs', '--tests', fixtures, '--timeout', '3', ...options, filter];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  return { status, stdout, last: stdout.trimEnd().split('\n').at(-1) };
}

const runner = suite('runner');

const rows: [what: string, filter: string, last: string, ...says: string[]][] = [
  ['a hook that throws', 'node/hook', '1 passed, 4 failed', 'the before hook', 'the after hook', 'the after-each hook'],
  ['what is no Error', 'node/non-error', '0 passed, 3 failed', 'no Error: a string', 'no Error: undefined'],
  ['a file without a suite', 'node/no-suite', '0 passed, 1 failed', 'queued no suite'],
  ['a suite without a test', 'node/no-test', '0 passed, 1 failed', 'suite empty', 'has no test'],
  ['a test that hangs, and those after it', 'node/hang', '0 passed, 2 failed', 'blocks the thread', 'longer than 3 s'],
  ['a test that never settles', 'node/pending', '0 passed, 1 failed', 'awaits what never comes'],
  ['a file that throws while it loads', 'node/load', '0 passed, 2 failed', 'throws while it loads', 'no suite'],
  ['a test that ends the process', 'node/exit', '0 passed, 1 failed', 'leaves with code 0', 'never finished'],
  ['a skipped test', 'node/skip', '0 passed, 2 failed', 'skip is not a function'],
  ['a filter that matches nothing', 'no/such/file', '0 passed, 1 failed', 'no test file matches'],
  ['errors of the console and of WebGPU', 'gpu/page', '2 passed, 2 failed', 'a complaint', 'GPUValidationError'],
];

for (const [what, filter, last, ...says] of rows) {
  runner(`reports ${what}`, () => {
    const result = run(filter);
    assert.is(result.last, last, result.stdout);
    assert.is(result.status, 1);
    for (const text of says) assert.ok(result.stdout.includes(text), `no "${text}" in:\n${result.stdout}`);
  });
}

runner('goes on after a page that hangs', () => {
  const result = run('gpu/');
  assert.is(result.last, '3 passed, 3 failed', result.stdout);
  assert.ok(result.stdout.includes('blocks the page'), result.stdout);
});

runner('is green when all is well', () => {
  const result = run('gpu/works');
  assert.is(result.last, '1 passed, 0 failed', result.stdout);
  assert.is(result.status, 0);
});

runner('runs GPU tests in Node, by the same rules, and names those that need a page', () => {
  const works = run('/works', ['--in', 'node']);
  assert.is(works.last, '1 passed, 0 failed', works.stdout);
  assert.is(works.status, 0);
  assert.match(works.stdout, /^on .+, in Node\n/);
  assert.match(works.stdout, /need a page, 1 file: tests\/fixtures\/runner\/page\/works\.test\.ts\n/);

  const breaks = run('gpu/page', ['--in', 'node']);
  assert.is(breaks.last, '2 passed, 2 failed', breaks.stdout);
  for (const text of ['a complaint', 'GPUValidationError']) assert.ok(breaks.stdout.includes(text), breaks.stdout);
  assert.is(run('page/works', ['--in', 'node']).status, 1);
});

runner('runs nothing where a GPU is asked for and there is none', () => {
  // As if there were none: Dawn is told of no driver, Chromium of the software adapter alone.
  const driver = 'no-such-driver.json';
  const none = { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, CHROMIUM_FLAGS: '--use-vulkan=swiftshader' };
  for (const place of ['node', 'browser']) {
    const { status, stdout } = run('gpu/works', ['--in', place, '--adapter', 'gpu'], none);
    assert.is(status, 1);
    assert.match(stdout, /^FAIL the run: There is no GPU that [^\n]+\n0 passed, 1 failed\n$/);
  }
});

runner('refuses adapters and places that it does not know', () => {
  assert.match(run('gpu/works', ['--adapter', 'best']).stdout, /--adapter is software or gpu, not "best"/);
  assert.match(run('gpu/works', ['--in', 'space']).stdout, /--in is browser or node, not "space"/);
});

const closeSuite = suite('close');

closeSuite('accepts what lies within the sum of the tolerances', () => {
  close(new Float32Array([1, 2, 4]), [1, 2.1, 4], { relative: 0.02, absolute: 0.03 }, 'x');
  close([Number.POSITIVE_INFINITY], [Number.POSITIVE_INFINITY], {}, 'x');
});

closeSuite('names the worst index', () => {
  assert.throws(
    () => close([1, 2, 5, 3], [1, 2.1, 4, 3], { relative: 0.01 }, 'x'),
    /x: worst at index 2 of 4: actual 5/,
  );
});

closeSuite('refuses NaN, an infinite error and another length', () => {
  assert.throws(() => close([0, Number.NaN], [0, Number.NaN], { absolute: 1 }, 'x'), /NaN at index 1/);
  assert.throws(() => close([Number.POSITIVE_INFINITY], [1], { absolute: 1 }, 'x'), /worst at index 0/);
  assert.throws(() => close([0], [], { absolute: 1 }, 'x'), /1 values, expected 0/);
});
