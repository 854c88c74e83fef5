// inspector.test.ts: the kernel inspector, driven as a user does.

import type { Page } from 'playwright';
import * as assert from 'uvu/assert';
import { closePage, openPage, waitUntil } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('kernel inspector');
const WAIT_MILLIS = 100_000;

let page: Page;
test.before(async () => {
  page = await openPage('/?network=drawings');
  await until(`!document.querySelector('#inspector-run').disabled`);
  await page.click('#inspector summary');
});
test.after(() => closePage(page));

const until = (expression: string): Promise<void> => waitUntil(page, expression, { millis: WAIT_MILLIS });
const isIdle = `document.querySelector('#inspector-run').textContent === 'Profile'`;
const text = (selector: string): Promise<string> => page.locator(selector).textContent() as Promise<string>;

async function timed(task: string): Promise<void> {
  await page.selectOption('#inspector-task', task);
  await page.click('#inspector-run');
  await until(`${isIdle} && !document.querySelector('#inspector-body').hidden`);
}

test('times the steps of a gradient, and draws them', async () => {
  await timed('gradient');
  assert.ok(await page.locator('#error').isHidden(), await page.locator('#error').textContent().then(String));
  const rows = await page.locator('#inspector-steps tbody tr').count();
  assert.match(await text('#inspector-summary'), new RegExp(`${rows} dispatches`));
  assert.is(await page.locator('#inspector-roofline circle[data-step]').count(), rows);
  assert.ok((await page.locator('#inspector-memory .bar').count()) > rows / 2);
  assert.is(await page.locator('#inspector-steps tr[aria-current=true]').count(), 1, 'the slowest is open');
});

test('the table fits beside the step without scrolling sideways', async () => {
  const table = page.locator('#inspector-steps');
  const [width, content, right] = await table.evaluate(({ parentElement }) => {
    const scroller = parentElement as HTMLElement;
    return [scroller.clientWidth, scroller.scrollWidth, scroller.getBoundingClientRect().right];
  });
  assert.is(page.viewportSize()?.width, 1280);
  assert.is(content, width, `${content} px wide in ${width}`);
  const step = await page.locator('#inspector-step').boundingBox();
  assert.ok(step && step.x >= right, 'the step stands beside it');
});

test('the plots fit any width, with letters as large', async () => {
  const at = async (width: number) => {
    await page.setViewportSize({ width, height: 800 });
    await until(
      `[...document.querySelectorAll('#inspector-body .plot')].every((plot) => plot.firstElementChild.clientWidth === plot.clientWidth)`,
    );
    return page.locator('#inspector-body .plot').evaluateAll((plots) =>
      plots.map((plot) => {
        const svg = plot.querySelector('svg') as SVGSVGElement;
        const sizes = [...svg.querySelectorAll('text')].map((text) =>
          Number.parseFloat(getComputedStyle(text).fontSize),
        );
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        return { letters: scale * Math.min(...sizes), isCut: plot.scrollWidth > plot.clientWidth };
      }),
    );
  };
  for (const width of [420, 900, 1280]) {
    for (const plot of await at(width)) assert.equal(plot, { letters: 12, isCut: false }, `at ${width} px`);
  }
  assert.is(await page.locator('#inspector-roofline .chosen').count(), 1, 'what is open stays marked');
});

test('the row that is open looks unlike the one that is pointed at', async () => {
  const rows = page.locator('#inspector-steps tbody tr');
  const colourOf = (row: number) => rows.nth(row).evaluate((each) => getComputedStyle(each).backgroundColor);
  assert.is(await rows.nth(0).getAttribute('aria-current'), 'true');
  await rows.nth(2).hover();
  const colours = [await colourOf(0), await colourOf(2), await colourOf(4)];
  assert.is(new Set(colours).size, 3, `${colours}`);
});

test('sorts by a column, both ways', async () => {
  const steps = () =>
    page
      .locator('#inspector-steps tbody tr')
      .evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.step)));
  const header = page.locator('#inspector-steps th button', { hasText: /^Step$/ });
  await header.click();
  const order = await steps();
  assert.equal(
    order,
    order.map((_, k) => k),
  );
  await header.click();
  assert.equal(await steps(), [...order].reverse());
});

test('a row, a disc and a bar open their step: numbers, buffers, final text', async () => {
  await page.locator('#inspector-steps tr[data-step="0"]').click();
  assert.is(await text('#inspector-step h3'), 'conv1');
  assert.match(await text('#inspector-step .hint'), /Step 0: conv2d \+ bias \+ relu/);
  assert.match(await text('#inspector-step .source'), /@compute @workgroup_size/);
  await page.locator('#inspector-step summary', { hasText: 'Buffers' }).click();
  assert.match(await text('#inspector-step details[open] table'), /1output\s*slot \d/);
  await page.locator('#inspector-roofline circle[data-step="1"]').dispatchEvent('click');
  assert.match(await text('#inspector-step .hint'), /^Step 1:/);
  await page.locator('#inspector-memory .bar[data-step="0"]').first().dispatchEvent('click');
  assert.match(await text('#inspector-step .hint'), /^Step 0:/);
});

test('tells what the other kernels would take', async () => {
  await page.locator('#inspector-step button').click();
  await until(`${isIdle} && document.querySelectorAll('.variants tbody tr').length > 1`);
  const rows = await page.locator('.variants tbody tr').allInnerTexts();
  assert.ok(
    rows.some((row) => /in use/.test(row)),
    rows.join(' | '),
  );
  assert.ok(
    rows.some((row) => /^naive/.test(row)),
    rows.join(' | '),
  );
});

test('hands out a trace', async () => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#inspector-save')]);
  assert.is(download.suggestedFilename(), 'gradient-drawings.trace.json');
  const bytes = Buffer.concat(await (await download.createReadStream()).toArray());
  const { traceEvents } = JSON.parse(bytes.toString('utf8'));
  assert.ok(traceEvents.length > 20);
});

test('gives way to an image that forms, stops when told to, and goes with its network', async () => {
  await page.click('#inspector-run');
  await page.click('#inspector-run');
  await until(isIdle);
  await page.click('#toggle');
  await until(`document.querySelector('#inspector-run').disabled`);
  await until(`Number(document.querySelector('#step').value) >= 2`);
  await page.click('#toggle');
  await until(`!document.querySelector('#inspector-run').disabled`);
  await page.selectOption('#network', 'cifar10-twin-standard');
  await until(`document.querySelector('#inspector-body').hidden && document.querySelector('#status.busy') === null`);
  assert.ok(await page.locator('#error').isHidden());
});

test('of a part of a convolution by Winograd, tells what the convolution would take otherwise', async () => {
  await timed('run');
  await page.locator('#inspector-steps tbody tr', { hasText: 'winogradProduct' }).first().click();
  assert.match(await text('#inspector-step > .summary'), /Part ofconv2d as winograd-\d: steps \d+, \d+, \d+, /);
  await page.locator('#inspector-step button').click();
  await until(`${isIdle} && document.querySelectorAll('.variants table').length === 2`);
  const tables = await page.locator('.variants table').allInnerTexts();
  assert.match(tables[0], /winograd-\d \(in use\)/);
  for (const name of ['naive', 'quad', 'winograd-2']) assert.ok(tables[0].includes(name), tables[0]);
  assert.match(tables[1], /\(in use\)/);
  assert.not.match(tables[1], /winograd-/);
});
