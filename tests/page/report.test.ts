// report.test.ts: what the page says of a network before it runs, and how its pictures are prepared.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { encodeModel, floatTensor, type TestNode } from '../support/onnx.ts';
import { closePage, dropFile, openPage } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('report');

let page: Page;
test.before(async () => {
  page = await openPage('/?network=drawings');
});
test.after(() => closePage(page));

/** Waits until what an element shows matches. */
async function says(selector: string, expected: RegExp): Promise<void> {
  const shown = page.locator(selector);
  try {
    await page.waitForFunction(
      ([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ''),
      [selector, expected.source] as const,
      { timeout: 60_000 },
    );
  } catch {
    throw new Error(`${selector} never said ${expected}: "${await shown.textContent()}"`);
  }
}

const weights = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i));

/** A network of a convolution, a ReLU and means, for so many channels, with further nodes. */
const network = (channels: number, more: readonly TestNode[] = [], output = 'logits'): Uint8Array =>
  encodeModel({
    nodes: [
      { op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['conv'] },
      { op: 'Relu', name: 'relu', inputs: ['conv'], outputs: ['relu'] },
      { op: 'GlobalAveragePool', name: 'mean', inputs: ['relu'], outputs: ['mean'] },
      { op: 'Flatten', name: 'flatten', inputs: ['mean'], outputs: ['logits'] },
      ...more,
    ],
    initializers: [floatTensor('w', [4, channels, 3, 3], weights(36 * channels))],
    inputs: { x: [1, channels, 24, 24] },
    outputs: [output],
  });

test('shows layers by block, memory and operators, and that the self-test agrees', async () => {
  await says('#self-test', /^agrees with the stored logits \(largest difference [\d.e−]+\)$/);
  const groups = await page
    .locator('#layer optgroup')
    .evaluateAll((all) => all.map((each) => each.getAttribute('label')));
  assert.equal(groups, ['maps of 32x32', 'maps of 16x16', 'maps of 8x8', 'maps of 1x1', 'without maps']);
  await page.click('#to-report');
  await says('#report-body', /51,002, /);
  await says('#report-body', /With gradient[\d.]+ MiB in shared buffers \([\d.]+ MiB/);
  await page.click('#report .block:nth-of-type(3) > summary');
  await says('#report .block:nth-of-type(3)', /conv4Relu64 × 8 × 851 × 514\.10 kconv4_pre/);
});

test('prepares pictures as asked, and keeps the layer that was chosen', async () => {
  await page.selectOption('#layer', 'conv2');
  await page.click('#pixels-details > summary');
  assert.is(await page.locator('#pixels-mean').inputValue(), '0.42, 0.42, 0.42');
  await page.selectOption('#pixels-preset', 'caffe');
  await says('#summary', /BGR, 0 to 255, mean 104, 117, 123, std 1 \(as given\)/);
  assert.is(await page.locator('#pixels-range').inputValue(), '0, 255');
  assert.is(await page.locator('#layer').inputValue(), 'conv2');
  await page.fill('#pixels-std', '1, 2');
  await page.locator('#pixels-std').blur();
  await says('#error', /std \[1,2\] of the preprocessing must be 1 or 3 numbers/);
  await page.fill('#pixels-std', '2');
  await page.locator('#pixels-std').blur();
  await says('#summary', /std 2 \(as given\)/);
  assert.ok(await page.locator('#error').isHidden());
  assert.is(await page.locator('#pixels-preset').inputValue(), 'own');
  await page.selectOption('#pixels-preset', 'as-opened');
  await says('#summary', /mean 0\.42, 0\.42, 0\.42, std 0\.28, 0\.28, 0\.28 \(from the file\)/);
});

test('lists the nodes that stand in the way, with why', async () => {
  const odd: TestNode[] = [
    { op: 'GridSample', name: '/warp', inputs: ['relu', 'relu'], outputs: ['warped'] },
    { op: 'Fancy', domain: 'com.example', name: '/fancy', inputs: ['relu'], outputs: ['fancy'] },
    { op: 'Concat', name: 'both', inputs: ['warped', 'fancy'], outputs: ['z'], attributes: { axis: 1 } },
  ];
  await dropFile(page, 'odd.onnx', '', network(3, odd, 'z'));
  await says('#error', /^Model "odd" cannot be opened: 2 of its nodes cannot be computed/);
  const rows = await page
    .locator('#problem-list tr')
    .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.equal(rows.slice(1), [
    ['/warp', 'GridSample', 'is no operator that Facet knows'],
    ['/fancy', 'com.example.Fancy', 'is no operator that Facet knows'],
  ]);
  assert.is(await page.locator('#network').inputValue(), 'drawings');
  await page.selectOption('#network', 'drawings');
  await page.locator('#network').dispatchEvent('change');
  await page.locator('#problems').waitFor({ state: 'hidden' });
});

test('warns of a file whose weights are not those of its self-test', async () => {
  const bytes = readFileSync('assets/drawings.onnx');
  const place = 100_000; // among the weights of a convolution
  bytes.writeFloatLE(bytes.readFloatLE(place) + 3, place);
  await dropFile(page, 'damaged.onnx', '', bytes);
  await says('#self-test', /^DISAGREES with the stored logits: largest difference [\d.]+, allowed [\d.]+$/);
  await says('#error', /does not give the logits stored in its file.*Do not trust/);
});

test('takes grey pictures where there is one channel, and says that five are no picture', async () => {
  const picture = await sharp({ create: { width: 30, height: 24, channels: 3, background: '#a06040' } })
    .png()
    .toBuffer();
  await dropFile(page, 'grey.onnx', '', network(1));
  await says('#summary', /24 × 24, grey/);
  assert.is(await page.locator('#self-test').count(), 0, 'it carries none');
  await dropFile(page, 'picture.png', 'image/png', picture);
  await says('#cam-note', /\d/);

  await dropFile(page, 'five.onnx', '', network(5));
  await says('#summary', /24 × 24, 5 channels, which are no colours/);
  await says('#explain-hint', /5 channels, which are no colours: no picture can be given to it/);
  assert.ok(await page.locator('#choose-picture').isDisabled());
  assert.ok(await page.locator('#pixels-details').isHidden());
  await page.click('#toggle');
  await says('#error', /channels of this network are no colours/);
});
