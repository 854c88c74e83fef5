// loss.test.ts: the GPU is lost while the page is in use, as happens to tabs in the background, and the page goes on.

import type { Page } from 'playwright';
import * as assert from 'uvu/assert';
import { closePage, openPage, waitUntil } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('page and a lost GPU');

let page: Page;
test.before(async () => {
  page = await openPage('/?network=drawings');
  // The page keeps its device to itself: this remembers whose encoder was made last.
  await page.evaluate(() => {
    const { prototype } = GPUDevice;
    const { createCommandEncoder } = prototype;
    prototype.createCommandEncoder = function (...args) {
      Object.assign(globalThis, { lastDevice: this });
      return createCommandEncoder.apply(this, args);
    };
  });
});
test.after(() => closePage(page));

const text = (selector: string): Promise<string> => page.locator(selector).textContent() as Promise<string>;
const lose = () => page.evaluate(() => (globalThis as unknown as { lastDevice: GPUDevice }).lastDevice.destroy());

const until = (expression: string): Promise<void> => waitUntil(page, expression);

const isBack = (step: string) =>
  until(
    `/The GPU was lost and is back; continued from step ${step}\\./.test(document.querySelector('#status').innerText)`,
  );

test('an image that forms goes on', async () => {
  await until(`!document.querySelector('#toggle').disabled`);
  await page.click('#toggle');
  await until(`Number(document.querySelector('#step').value) >= 20`);
  await lose();
  await isBack('\\d+');
  const step = Number(/step (\d+)/.exec(await text('#status'))?.[1]);
  assert.ok(step >= 16, `from step ${step}`);
  await until(`Number(document.querySelector('#step').value) >= ${step + 20}`);
  assert.ok(await page.locator('#error').isHidden(), await text('#error'));
});

test('an image that stands still is there again, at the step where it was', async () => {
  await page.click('#toggle');
  await until(`document.querySelector('#toggle').textContent === 'Continue'`);
  const step = await page
    .locator('#step')
    .inputValue()
    .catch(() => text('#step'));
  const pixels = () =>
    page.evaluate(() => {
      const copy = document.createElement('canvas');
      const shown = document.querySelector('#canvas') as HTMLCanvasElement;
      [copy.width, copy.height] = [shown.width, shown.height];
      const context = copy.getContext('2d') as CanvasRenderingContext2D;
      context.drawImage(shown, 0, 0);
      return [...context.getImageData(0, 0, copy.width, copy.height).data];
    });
  const before = await pixels();
  await lose();
  await isBack(step);
  await page.waitForTimeout(300);
  assert.equal(await pixels(), before);
  await page.click('#toggle');
  await until(`Number(document.querySelector('#step').value) >= ${Number(step) + 5}`);
  assert.ok(await page.locator('#error').isHidden(), await text('#error'));
});
