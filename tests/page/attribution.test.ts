// attribution.test.ts: the page's panel of attribution methods, and the section with Shapley values by hand.

import type { Page } from 'playwright';
import * as assert from 'uvu/assert';
import { closePage, openPage, waitUntil } from '../support/page.ts';
import { suite } from '../support/suite.ts';

const test = suite('page: attribution');

let page: Page;
test.before(async () => {
  page = await openPage('/?network=drawings');
  await until("document.querySelectorAll('#samples button').length === 11");
  await page.locator('#samples button').nth(9).click();
  await until(
    `document.querySelector('#cam-note').textContent !== '' && document.querySelector('#status.busy') === null`,
  );
});
test.after(() => closePage(page));

const text = (selector: string): Promise<string> => page.locator(selector).textContent() as Promise<string>;

const until = (expression: string): Promise<void> => waitUntil(page, expression, { places: ['#method-numbers'] });

const runSays = (label: string) => until(`document.querySelector('#method-run').textContent === '${label}'`);

/** A row of the numbers beneath the map. */
async function number(term: string): Promise<string> {
  const rows = await page.locator('#method-numbers').evaluate((list) => {
    const all = (tag: string) => [...list.querySelectorAll(tag)].map((each) => each.textContent as string);
    return { terms: all('dt'), texts: all('dd') };
  });
  return rows.texts[rows.terms.indexOf(term)] ?? '';
}

const toNumber = (shown: string): number => Number(shown.replace('−', '-'));

/** How many colours the map has. */
const colours = (): Promise<number> =>
  page.locator('#method-map').evaluate((canvas) => {
    const { width, height } = canvas as HTMLCanvasElement;
    const context = (canvas as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
    return new Set(new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)).size;
  });

test('lists every method by family; integrated gradients draw a map and say how complete it is', async () => {
  const families = await page
    .locator('#method optgroup')
    .evaluateAll((groups) => groups.map((group) => (group as HTMLOptGroupElement).label));
  assert.equal(families, ['Gradients', 'Class activation maps', 'Perturbation']);
  assert.ok((await page.locator('#method option').count()) >= 28);

  await page.selectOption('#method', 'integrated-gradients');
  await page.fill('#method-option-steps', '20');
  await page.fill('#method-option-baseline', 'mean');
  await page.click('#method-run');
  await until(`document.querySelector('#method-caption').textContent === 'Integrated gradients of star'`);
  await runSays('Run');
  const [score, atBaseline] = [toNumber(await number('Score')), toNumber(await number('At the baseline'))];
  const delta = toNumber(await number('Delta'));
  assert.ok(Math.abs(delta) < 0.05 * Math.abs(score - atBaseline), `delta ${delta} of ${score} - ${atBaseline}`);
  assert.match(await number('Map'), /^−\S+ to \d/);
  assert.ok(toNumber(await number('Evaluations')) >= 20);
  const over = await colours();
  assert.ok(over > 50, `${over} colours`);
  await page.uncheck('#method-overlay');
  const alone = await colours();
  assert.ok(alone > 50 && alone <= 256, `${alone} colours of one table`);
  await page.check('#method-overlay');
});

test('a text that means nothing gets its sentence, beside the option too', async () => {
  await page.fill('#method-option-steps', 'many');
  await page.click('#method-run');
  await until(`/"many" is not a whole number/.test(document.querySelector('#error').innerText)`);
  assert.match(await text('#method-option-steps-about'), /^"many" is not a whole number from 1/);
  assert.is(await page.locator('#method-option-steps').getAttribute('aria-invalid'), 'true');
  assert.is(await text('#method-run'), 'Run');
  await page.fill('#method-option-steps', '');
  await page.locator('#method-option-steps').blur();
  assert.is(await page.locator('#method-option-steps').getAttribute('aria-invalid'), null);
});

test('Shapley values form as they are estimated; stopped midway, the estimate stays', async () => {
  await page.selectOption('#method', 'shapley');
  assert.ok(await page.locator('#method-layer-label').isHidden(), 'no layer to choose');
  await page.fill('#method-option-grid', '3');
  await page.fill('#method-option-budget', '10000000');
  await page.click('#method-run');
  await until(`/^Shapley values of star, after \\d+ of/.test(document.querySelector('#method-caption').textContent)`);
  assert.ok(await page.locator('#method-bar').isVisible());
  await page.click('#method-run');
  await until(`/stopped at \\d+ of \\d+$/.test(document.querySelector('#method-caption').textContent)`);
  await runSays('Run');
  assert.ok(await page.locator('#method-bar').isHidden());
  assert.match(await number('Standard error'), /^up to [\d.]+/);
  const evaluations = toNumber(await number('Evaluations'));
  assert.ok(evaluations > 16 && evaluations < 1e6, `${evaluations} evaluations`);
  assert.ok(await page.locator('#error').isHidden());
});

test('attributes to a layer, or sends a channel back; another class withdraws the map', async () => {
  await page.selectOption('#method', 'layer-cam');
  const layers = await page
    .locator('#method-layer option')
    .evaluateAll((all) => all.map((each) => (each as HTMLOptionElement).value));
  await page.selectOption('#method-layer', layers[2]);
  await page.click('#method-run');
  await until(`document.querySelector('#method-caption').textContent.startsWith('LayerCAM of star')`);
  await runSays('Run');
  assert.ok((await number('Map')).endsWith(` at ${layers[2]}`), await number('Map'));

  // A channel that is sent back is of no class.
  await page.selectOption('#method', 'deconvnet');
  await page.selectOption('#method-layer', layers[2]);
  await page.fill('#method-option-channel', '3');
  await page.click('#method-run');
  await until(`document.querySelector('#method-caption').textContent === 'Deconvnet of ${layers[2]}:3'`);
  await runSays('Run');

  await page.locator('#classes button').nth(1).click();
  await until(`document.querySelector('#method-figure').hidden`);
});

test("the slide's two inputs: sets, orders, and 1.25 for each", async () => {
  await page.locator('#game summary').click();
  await until(`document.querySelectorAll('#game-body table').length === 3`);
  const rows = await page
    .locator('#game-body tr')
    .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent).join(' | ')));
  for (const row of [
    '{1, 2} | 2.5',
    '1 then 2 | 1 | 1.5',
    '2 then 1 | 1.5 | 1',
    'Mean: Shapley value | 1.25 | 1.25',
    'Integrated gradients | 1.25 | 1.25 | 2.5',
    'DeepLIFT | 1.25 | 1.25 | 2.5',
    'Feature ablation | 1.5 | 1.5 | 3 ≠ 2.5',
  ]) {
    assert.ok(rows.includes(row), `${row} in:\n${rows.join('\n')}`);
  }
});
