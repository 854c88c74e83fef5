// demo.test.ts: drives the page as a user does: a network, a channel's image, a picture's classes and maps, and mistakes.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { exportModel } from '../../src/models/onnx/exportModel.ts';
import { parseModel } from '../../src/models/model.ts';
import { closePage, dropFile, openPage, waitUntil } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('page');

const NETWORK = 'cifar10-twin-standard';
/** The first 16 steps have a program of their own, whose memory is freed then. */
const AFTER_WARM_UP = 17;
/** The meters look every 400 ms. */
const METER_MILLIS = 600;

let page: Page;
test.before(async () => {
  page = await openPage(`/?network=${NETWORK}`);
});
test.after(() => closePage(page));

const text = (selector: string): Promise<string> => page.locator(selector).textContent() as Promise<string>;
const step = async (): Promise<number> => Number(await text('#step'));
const mebibytes = async (): Promise<number> => Number.parseFloat(await text('#memory'));

const until = (expression: string): Promise<void> => waitUntil(page, expression);

const toggleSays = (label: string) => until(`document.querySelector('#toggle').textContent === '${label}'`);
const stepsReach = (count: number) => until(`Number(document.querySelector('#step').value) >= ${count}`);

/** Grey values of what the screen shows of an element, on a small raster. */
async function seen(selector: string): Promise<number[]> {
  const png = await page.locator(selector).screenshot();
  return [...(await sharp(png).removeAlpha().grayscale().resize(32, 32, { kernel: 'nearest' }).raw().toBuffer())];
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

const difference = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;

const drop = (name: string, type: string, bytes: Uint8Array): Promise<void> => dropFile(page, name, type, bytes);

/** A bright disc on a blue ground: 48 x 40, neither square nor of the network's size. */
function discPng(): Promise<Buffer> {
  const [width, height] = [48, 40];
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isInside = Math.hypot(x - 22, y - 18) < 11;
      pixels.set(isInside ? [230, 180, 90] : [40, 80, 160 + y], (y * width + x) * 3);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

test('opens with a network, and says what it is and where it runs', async () => {
  await until(`!document.querySelector('#toggle').disabled`);
  assert.is(await page.locator('#network').inputValue(), NETWORK);
  assert.match(await text('#summary'), /32 × 32/);
  assert.match(await text('#adapter'), /\w/);
  assert.ok((await page.locator('#layer option').count()) > 10, 'the layers are listed');
  assert.ok(await page.locator('#error').isHidden());
});

test('forms the image of a channel, stops and goes on', async () => {
  const layers = await page
    .locator('#layer option')
    .evaluateAll((all) => all.map((o) => (o as HTMLOptionElement).value));
  const layer = layers.find((name) => name.includes('Relu')) as string;
  await page.selectOption('#layer', layer);
  await page.fill('#channel', '3');
  await page.locator('#channel').blur();
  assert.is(await page.locator('#objective').inputValue(), `${layer}:3`);
  await page.click('#toggle');
  await stepsReach(2);
  const early = await seen('#canvas');
  await stepsReach(30);
  assert.match(await text('#speed'), /^[\d.]+ steps\/s$/);
  assert.ok((await mebibytes()) > 0, 'buffers are counted');

  await page.click('#toggle');
  await toggleSays('Continue');
  const stopped = await step();
  const late = await seen('#canvas');
  assert.ok(deviation(late) > 4, `the image is not uniform (deviation ${deviation(late)})`);
  assert.ok(difference(early, late) > 2, `the image has changed (by ${difference(early, late)})`);
  assert.ok((await page.locator('#curve .line').getAttribute('d'))?.includes('L'), 'the objective is drawn');
  await page.waitForTimeout(600);
  assert.is(await step(), stopped, 'no step after the stop');

  await page.click('#toggle');
  await stepsReach(stopped + 2);
  await page.click('#toggle');
  await toggleSays('Continue');
});

test('saves the image as PNG under its name', async () => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  assert.match(download.suggestedFilename(), new RegExp(`_3_${await step()}\\.png$`));
  const { width, height } = await sharp(Buffer.concat(await (await download.createReadStream()).toArray())).metadata();
  assert.equal([width, height], [32, 32]);
});

test('another channel while it runs starts anew, and frees what was there', async () => {
  await page.click('#toggle');
  await stepsReach(Math.max(AFTER_WARM_UP, (await step()) + 1));
  await page.waitForTimeout(METER_MILLIS);
  const before = await mebibytes();
  const reached = await step();
  await page.fill('#channel', '5');
  await page.locator('#channel').blur();
  await until(`Number(document.querySelector('#step').value) < ${reached}`);
  await stepsReach(AFTER_WARM_UP);
  await page.click('#toggle');
  await toggleSays('Continue');
  await page.waitForTimeout(METER_MILLIS);
  assert.ok(Math.abs((await mebibytes()) - before) < 0.2, `${before} MiB before, ${await mebibytes()} MiB after`);
});

test('a dropped picture: classes, gradient and Grad-CAM, for the class that is chosen', async () => {
  await drop('disc.png', 'image/png', await discPng());
  await until(
    `document.querySelector('#cam-note').textContent !== '' && document.querySelector('#status.busy') === null`,
  );
  const rows = await page.locator('#classes button').allInnerTexts();
  assert.is(rows.length, 5);
  const percents = rows.map((row) => Number(/([\d.]+) %/.exec(row)?.[1]));
  assert.ok(
    percents.every((percent, i) => percent >= 0 && (i === 0 || percent <= percents[i - 1])),
    rows.join(', '),
  );
  assert.ok(percents.reduce((sum, percent) => sum + percent, 0) <= 100.5, rows.join(', '));
  assert.match(await text('#gradient-note'), /^−\S+ to \d/);
  assert.match(await text('#cam-note'), /^0.* to .* at \//);
  for (const map of ['#picture', '#gradient', '#cam']) {
    assert.ok(deviation(await seen(map)) > 2, `${map} shows something`);
  }
  const gradient = await seen('#gradient');
  const second = page.locator('#classes button').nth(1);
  const index = await second.getAttribute('value');
  await second.click();
  await until(`document.querySelector('#classes button[aria-pressed=true]').value === '${index}'`);
  await until(`document.querySelector('#status.busy') === null`);
  assert.is(await page.locator('#target').inputValue(), index);
  assert.ok(difference(gradient, await seen('#gradient')) > 1, 'the gradient is that of the other class');
});

test('what cannot be used gives one sentence, and the page goes on', async () => {
  const words = new TextEncoder().encode('These are words, no network at all.');
  const mistakes: [name: string, type: string, bytes: Uint8Array, expected: RegExp][] = [
    ['words.onnx', '', words, /words/],
    ['nothing.png', 'image/png', new Uint8Array(), /"nothing\.png".*empty/],
    ['words.png', 'image/png', words, /"words\.png".*picture/],
    ['words.pdf', 'application/pdf', words, /"words\.pdf".*neither/],
  ];
  for (const [name, type, bytes, expected] of mistakes) {
    await drop(name, type, bytes);
    await until(`${expected}.test(document.querySelector('#error').innerText)`);
    assert.is((await text('#error')).includes('\n'), false);
  }
  assert.is(await page.locator('#network').inputValue(), NETWORK);

  await page.fill('#objective', 'no/such/layer:1');
  await page.locator('#objective').blur();
  await page.click('#toggle');
  await until(`/no layer "no\\/such\\/layer"/.test(document.querySelector('#error').innerText)`);
  await page.fill('#channel', '100000');
  await page.locator('#channel').blur();
  await until(`/channel must be a whole number from 0 to/.test(document.querySelector('#error').innerText)`);

  await page.fill('#channel', '1');
  await page.locator('#channel').blur();
  await page.click('#toggle');
  await stepsReach(2);
  assert.ok(await page.locator('#error').isHidden(), 'the sentence goes when something works');
  await page.click('#toggle');
  await toggleSays('Continue');
});

test('keeps answering while an image forms and a picture is explained', async () => {
  // Timers of the page get their turns between steps: they see the count grow, and a click is heard in the midst of it.
  await page.evaluate(() => {
    const watch = window as unknown as { seen: Set<string> };
    watch.seen = new Set();
    setInterval(() => watch.seen.add((document.querySelector('#step') as HTMLOutputElement).value), 10);
  });
  await page.selectOption('#network', 'cifar10-twin-robust');
  await until(`document.querySelector('#status.busy') === null`);
  await page.click('#toggle');
  await drop('disc.png', 'image/png', await discPng());
  await stepsReach(5);
  await until(`document.querySelector('#cam-note').textContent !== ''`);
  await page.click('#toggle');
  await toggleSays('Continue');
  const seen = await page.evaluate(() => (window as unknown as { seen: Set<string> }).seen.size);
  assert.ok(seen >= 3, `timers saw ${seen} step counts`);
});

test('without a word it opens on the embedded network, which knows its own drawings', async () => {
  await closePage(page);
  page = await openPage('/');
  await until("document.querySelectorAll('#samples button').length === 11");
  assert.is(await page.locator('#network').inputValue(), 'drawings');
  for (const [sample, name] of [
    [0, 'stripes'],
    [3, 'rings'],
    [9, 'star'],
  ] as const) {
    await page.locator('#samples button').nth(sample).click();
    await until(`document.querySelector('#classes button')?.textContent.startsWith('${name}')`);
  }
});

test('a network that no picture can be given to, or that gives no classes, explains nothing', async () => {
  await until(`document.querySelector('#status.busy') === null`);
  await drop('raw.onnx', '', readFileSync('tests/fixtures/networks/decoder-opset11.onnx'));
  await until(`/no colours/.test(document.querySelector('#explain-hint').textContent)`);
  await until(`document.querySelector('#status.busy') === null`);
  assert.ok(await page.locator('#explanation').isHidden(), 'what another network found is gone');
  assert.ok(await page.locator('#error').isHidden(), 'nobody asked for the picture to be explained');

  const maps = exportModel(parseModel(readFileSync('assets/drawings.onnx')), { until: 'conv1' });
  await drop('maps.onnx', '', maps);
  await until(`/is a map and no list of classes/.test(document.querySelector('#error').textContent)`);
});

test('says what is missing where there is no WebGPU', async () => {
  const other = await openPage(`/?network=${NETWORK}`);
  await other.waitForFunction(`document.querySelector('#layer').options.length > 0`);
  await other.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined }));
  await other.reload();
  await other.waitForFunction(`/offers no WebGPU/.test(document.querySelector('#error').textContent)`);
  await closePage(other);
});
