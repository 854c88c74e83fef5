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
  await notes('^Kernels are chosen by heuristics\\.$');
  assert.is(await page.isHidden('#tune-forget'), true);
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
  assert.ok(tuning && Object.keys(tuning.ops).length > 0, text);
});

test('the next visit takes it, and counts only what was timed with the kernels there are', async () => {
  const [[key, text]] = await kept();
  const { ops: timed, ...rest } = readTuning(text) as Tuning;
  // How many a busy machine comes to is open; these are more than one.
  const ops = Object.fromEntries(
    Object.entries(timed).flatMap(([name, op]) => [[name, op] as const, [`${name} `, op] as const]),
  );
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
  await notes('^Kernels are chosen by heuristics\\.$');
  assert.is(await page.isHidden('#error'), true);
  await page.evaluate(([key, text]) => localStorage.setItem(key, text), before[0]);
});

test(
  'a tuning can be forgotten; the profile that is shown stays, and is taken anew',
  async () => {
    await page.reload();
    await notes('^Kernels are chosen by \\d+ timing');
    await page.waitForSelector('#inspector-run:not([disabled])', { state: 'attached' });
    await page.evaluate(() => {
      (document.querySelector('#inspector') as HTMLDetailsElement).open = true;
    });
    const isIdle = () =>
      page.waitForFunction(() => document.querySelector('#inspector-run')?.textContent === 'Profile', undefined, {
        timeout: 100_000,
      });
    const summary = () => page.textContent('#inspector-summary');
    await page.click('#inspector-run');
    await isIdle();
    const before = await summary();
    await page.click('#tune-forget');
    await notes('^Kernels are chosen by heuristics\\.$');
    assert.equal(await kept(), []);
    assert.is(await page.isHidden('#tune-forget'), true);
    assert.is(await page.isVisible('#inspector-body'), true);
    await page.waitForFunction(
      (before) => document.querySelector('#inspector-summary')?.textContent !== before,
      before,
      { timeout: 100_000 },
    );
    await isIdle();
    assert.is(await page.isVisible('#inspector-body'), true);
    assert.is(await page.isHidden('#error'), true);
  },
  { timeoutSeconds: 300 },
);

test('a second click stops it', async () => {
  await page.evaluate(() => {
    (document.querySelector('#inspector') as HTMLDetailsElement).open = true;
  });
  await page.click('#tune');
  await page.click('#tune');
  await page.waitForFunction(() => document.querySelector('#tune')?.textContent === 'Tune');
  assert.is(await page.isHidden('#error'), true);
});
