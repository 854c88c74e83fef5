// external.test.ts: a network whose numbers lie in a file of their own, given to the page with that file and without.

import type { Page } from 'playwright';
import * as assert from 'uvu/assert';
import { encodeModel } from '../support/onnx.ts';
import { closePage, openPage } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('page: external data');

const LOCATION = 'small.onnx.data';
const network = encodeModel({
  nodes: [
    { op: 'Conv', name: 'first', inputs: ['x', 'w'], outputs: ['c'] },
    { op: 'GlobalAveragePool', name: 'last', inputs: ['c'], outputs: ['y'] },
  ],
  initializers: [{ name: 'w', shape: [5, 3, 3, 3], external: { location: LOCATION, offset: '16' } }],
  inputs: { x: ['N', 3, 32, 32] },
  outputs: ['y'],
});
const weights = Float32Array.from({ length: 4 + 5 * 27 }, (_, i) => ((i * 37) % 19) / 10 - 0.9);
const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: '', buffer: Buffer.from(bytes) });

let page: Page;
test.before(async () => {
  page = await openPage('/');
  await page.waitForFunction(`!document.querySelector('#toggle').disabled`);
});
test.after(() => closePage(page));

test('is named where it is missing, and read where it comes along', async () => {
  await page.setInputFiles('#network-file', [file('small.onnx', network)]);
  await page.waitForFunction(`document.querySelector('#error').textContent.includes('${LOCATION}')`);
  assert.match((await page.locator('#error').textContent()) ?? '', /together with the model/);
  assert.match((await page.locator('#summary').textContent()) ?? '', /Classes10/); // still the network before

  const given = [file(LOCATION, new Uint8Array(weights.buffer)), file('small.onnx', network)];
  await page.setInputFiles('#network-file', given);
  await page.waitForFunction(`document.querySelector('#summary').textContent.includes('Classes5')`);
  assert.ok(await page.locator('#error').isHidden());
});
