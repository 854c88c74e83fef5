// tune.test.ts: the Tune button: times kernels when asked to, keeps what it found for the next visit, and can be stopped.

import type { Page } from 'playwright';
import * as assert from 'uvu/assert';
import { readTuning, type Tuning } from '../../src/engine/tuning.ts';
import { closePage, openPage } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('tuning in the page');

let page: Page;
test.before(async () => {
  page = await openPage('/?network=drawings');
  await page.waitForSelector('#tune:not([disabled])', { state: 'attached' });
  await page.evaluate(() => {
    (document.querySelector('#inspector') as HTMLDetailsElement).open = true;
  });
});
test.after(() => closePage(page));

const kept = (): Promise<[string, string][]> =>
  page.evaluate(() => Object.entries(localStorage).filter(([key]) => key.startsWith('facet tuning ')));

const notes = (source: string): Promise<unknown> =>
  page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector('#tune-note')?.textContent ?? ''),
    source,
    { timeout: 100_000 },
  );

test('nothing is timed by itself', async () => {
  assert.equal(await kept(), []);
  assert.is(await page.isHidden('#tune-note'), true);
});

test('times the kernels and keeps what it found', async () => {
  await page.click('#tune');
  assert.is(await page.textContent('#tune'), 'Stop');
  for (const id of ['#toggle', '#inspector-run', '#method-run'])
    assert.is(await page.isDisabled(id), true, `${id} waits`);
  await notes('^Timed \\d+ of \\d+ kinds of steps; ');
  await page.waitForFunction(() => document.querySelector('#tune')?.textContent === 'Tune');
  assert.is(await page.isHidden('#tune-bar'), true);
  for (const id of ['#toggle', '#inspector-run', '#method-run'])
    assert.is(await page.isDisabled(id), false, `${id} waits no longer`);
  const [[, text], ...others] = await kept();
  assert.equal(others, []);
  const tuning = readTuning(text);
  assert.ok(tuning && Object.keys(tuning.ops).some((key) => key.startsWith('conv2d ')), text);
});

test('the next visit takes it, and counts only what was timed with the kernels there are', async () => {
  const [[key, text]] = await kept();
  const { ops, ...rest } = readTuning(text) as Tuning;
  const count = Object.keys(ops).length;
  const outdated = Object.fromEntries(
    Object.entries(ops).map(([name, op], k) => [name, k === 0 ? op : { ...op, kernels: '0'.repeat(8) }]),
  );
  for (const [kept, says] of [
    [{ ...rest, ops: outdated }, '^Kernels are chosen by 1 timing of earlier'],
    [{ ...rest, ops }, `^Kernels are chosen by ${count} timings of earlier`],
  ] as const) {
    await page.evaluate(([key, text]) => localStorage.setItem(key, text), [key, JSON.stringify(kept)] as const);
    await page.reload();
    await notes(says);
  }
  assert.ok(count > 1);
});

test('the next visit leaves it as it is, and damaged entries are as none', async () => {
  const before = await kept();
  await page.reload();
  await notes('^Kernels are chosen by');
  assert.equal(await kept(), before);
  await page.evaluate((key) => localStorage.setItem(key, '{'), before[0][0]);
  await page.reload();
  await page.waitForSelector('#tune:not([disabled])', { state: 'attached' });
  assert.is(await page.isHidden('#tune-note'), true);
  assert.is(await page.isHidden('#error'), true);
});

test('a second click stops it', async () => {
  await page.evaluate(() => {
    (document.querySelector('#inspector') as HTMLDetailsElement).open = true;
  });
  await page.click('#tune');
  await page.click('#tune');
  await page.waitForFunction(() => document.querySelector('#tune')?.textContent === 'Tune');
  assert.is(await page.isHidden('#error'), true);
});
