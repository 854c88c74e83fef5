// web.test.ts: networks that the page fetches from another server: by the page's own address and by the field; the bar,
// Cancel, the cache, and what is said when it does not work.

import type { Page } from 'playwright';
import * as assert from 'uvu/assert';
import { type ModelServer, startModelServer } from '../support/modelServer.ts';
import { closePage, openPage, waitUntil } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('page and web');

let server: ModelServer;
let page: Page;
test.before(async () => {
  server = await startModelServer(true);
  // The last test takes the server away, which the browser reports on its console.
  page = await openPage(`/?network=${encodeURIComponent(server.url('/dated.onnx'))}`, /ERR_CONNECTION_REFUSED/);
});
test.after(async () => {
  server.close();
  await closePage(page);
});

const until = (expression: string): Promise<void> => waitUntil(page, expression);

const isReady = (): Promise<void> =>
  until(`!document.querySelector('#toggle').disabled && document.querySelector('#status.busy') === null`);
const network = (): Promise<string> => page.locator('#network').inputValue();

async function fetchAddress(address: string): Promise<void> {
  await page.fill('#address', address);
  await page.click('#fetch');
}

test('opens the network that its own address names', async () => {
  await isReady();
  assert.is(await network(), server.url('/dated.onnx'));
  assert.match((await page.locator('#summary').textContent()) ?? '', /64 × 64/);
  assert.ok(await page.locator('#error').isHidden());
  assert.ok(await page.locator('#download').isHidden());
  assert.equal(server.log, ['/dated.onnx 200']);
});

test('lists public networks with their sizes', async () => {
  const entries = await page.locator('#web-networks option').allTextContents();
  assert.ok(entries.includes('squeezenet1.1 (4.7 MiB)'), entries.join(', '));
  assert.ok(entries.includes('vgg16 (528 MiB)'), entries.join(', '));
});

test('fetches what the field says, shows how much is there, and stops at Cancel', async () => {
  const before = await network();
  const ended = server.ended('/slow.onnx');
  await fetchAddress(server.url('/slow.onnx'));
  await until(`document.querySelector('#download-bar').value > 0`);
  assert.ok(await page.locator('#download').isVisible());
  assert.match((await page.locator('#download-count').textContent()) ?? '', /^0\.\d of 0\.2 MiB$/);
  const began = performance.now();
  await page.click('#cancel');
  await ended;
  assert.ok(performance.now() - began < 3000, 'the connection ends at once');
  await isReady();
  assert.ok(await page.locator('#download').isHidden());
  assert.ok(await page.locator('#error').isHidden(), 'that is no error');
  assert.is(await network(), before);
});

test('choosing another network ends a download', async () => {
  const ended = server.ended('/slow.onnx');
  await fetchAddress(server.url('/slow.onnx'));
  await until(`document.querySelector('#download-bar').value > 0`);
  await page.selectOption('#network', 'drawings');
  await ended;
  await isReady();
  assert.is(await network(), 'drawings');
  assert.ok(await page.locator('#download').isHidden());
});

test('takes the names of a fetched network’s classes from a text that is dropped', async () => {
  await fetchAddress(server.url('/dated.onnx'));
  await isReady();
  const transfer = await page.evaluateHandle(() => {
    const names = Array.from({ length: 10 }, (_, i) => `kind ${i}`).join('\n');
    const transfer = new DataTransfer();
    transfer.items.add(new File([names], 'names.txt', { type: 'text/plain' }));
    return transfer;
  });
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await until(`/kind 3/.test(document.querySelector('#target').textContent)`);
  assert.is(await network(), server.url('/dated.onnx'));
  assert.ok(await page.locator('#error').isHidden());
});

test('the second time the copy in the cache is used', async () => {
  server.log.length = 0;
  await page.evaluate(`document.querySelector('#summary').replaceChildren()`);
  await fetchAddress(server.url('/dated.onnx'));
  await until(`/64 × 64/.test(document.querySelector('#summary').textContent)`);
  // The headers of the answer tell that nothing has changed; the body is not waited for.
  assert.equal(server.log, ['/dated.onnx 200']);
  const kept = await page.evaluate(
    `caches.open('facet-networks').then((cache) => cache.keys()).then((keys) => keys.length)`,
  );
  assert.is(kept, 1);
  // And if the server is gone, the copy does, and this is said.
  server.close();
  await page.evaluate(`document.querySelector('#summary').replaceChildren()`);
  await fetchAddress(server.url('/dated.onnx'));
  await until(`/64 × 64/.test(document.querySelector('#summary').textContent)`);
  assert.match((await page.locator('#status').textContent()) ?? '', /cannot be fetched.*copy in the cache is used/);
});

const failing = suite('page and web that fails');

failing('says that the server must let pages read it, and opens what is always there', async () => {
  const other = await startModelServer(true);
  try {
    // The browser itself reports the refused answer on its console.
    page = await openPage(`/?network=${encodeURIComponent(other.url('/private-to-pages.onnx'))}`, /CORS|ERR_FAILED/);
    await isReady();
    assert.is(await network(), 'drawings');
    const error = (await page.locator('#error').textContent()) ?? '';
    assert.match(error, /private-to-pages\.onnx cannot be fetched: .*CORS.*download the file and drop it/);
    await fetchAddress(other.url('/sign-in.onnx'));
    await until(`/is a web page, not a network/.test(document.querySelector('#error').textContent)`);
    assert.is(await network(), 'drawings');
    await closePage(page);
    page = await openPage('/?network=nonesuch');
    await isReady();
    assert.match((await page.locator('#error').textContent()) ?? '', /no network "nonesuch"/);
    assert.is(await network(), 'drawings');
    await closePage(page);
  } finally {
    other.close();
  }
});
