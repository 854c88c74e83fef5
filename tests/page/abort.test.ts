// abort.test.ts: Stop while kernels are compiled: the page is free at once, and what is compiled later takes no memory.

import type { Page } from 'playwright';
import * as assert from 'uvu/assert';
import { closePage, openPage, waitUntil } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('page: stop while it compiles');

let page: Page;
test.before(async () => {
  page = await openPage('/?network=drawings');
  await page.locator('#samples button').nth(9).click();
  await until(
    `document.querySelector('#cam-note').textContent !== '' && document.querySelector('#status.busy') === null`,
  );
  await page.evaluate(() => {
    (document.querySelector('#inspector') as HTMLDetailsElement).open = true;
  });
});
test.after(() => closePage(page));

const until = (expression: string): Promise<void> => waitUntil(page, expression);
const says = (id: string, label: string) => until(`document.querySelector('#${id}').textContent === '${label}'`);
const memory = async (): Promise<number> => Number.parseFloat((await page.textContent('#memory')) as string);

/** From now on no pipeline becomes ready, as with a slow compiler; gives back what lets them. */
async function holdPipelines(): Promise<() => Promise<void>> {
  await page.evaluate(() => {
    const { prototype } = GPUDevice;
    const { createComputePipelineAsync } = prototype;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const hold = { isAsked: false, release };
    prototype.createComputePipelineAsync = async function (descriptor) {
      hold.isAsked = true;
      await gate;
      return createComputePipelineAsync.call(this, descriptor);
    };
    Object.assign(window, {
      hold: {
        get isAsked() {
          return hold.isAsked;
        },
        release() {
          prototype.createComputePipelineAsync = createComputePipelineAsync;
          release();
        },
      },
    });
  });
  return () => page.evaluate(() => (window as unknown as { hold: { release(): void } }).hold.release());
}

for (const [what, id, begin] of [
  ['an image', 'toggle', 'Start'],
  ['an attribution method', 'method-run', 'Run'],
  ['a profile', 'inspector-run', 'Profile'],
] as const) {
  test(`${what}: stops before any kernel is ready, and leaves nothing`, async () => {
    if (id === 'method-run') await page.selectOption('#method', 'smoothgrad');
    if (id === 'inspector-run') await page.selectOption('#inspector-task', 'gradient');
    await page.waitForTimeout(600); // the meter looks every 400 ms
    const before = await memory();
    const release = await holdPipelines();
    try {
      await page.click(`#${id}`);
      await says(id, 'Stop');
      await until('window.hold.isAsked');
      await page.click(`#${id}`);
      await says(id, begin);
      assert.is(await page.isHidden('#error'), true);
      // Its buffers are there until its pipelines are; a meter that had not looked yet would pass for one that shows them gone.
      await until(`Number.parseFloat(document.querySelector('#memory').textContent) > ${before} + 0.02`);
    } finally {
      await release();
    }
    await until(`Math.abs(Number.parseFloat(document.querySelector('#memory').textContent) - ${before}) < 0.02`);
    assert.is(await page.isHidden('#error'), true);
  });
}

test('what was stopped works when it is asked for again', async () => {
  await page.click('#toggle');
  await until("Number(document.querySelector('#step').value) >= 2");
  await page.click('#toggle');
  await says('toggle', 'Continue');
});
