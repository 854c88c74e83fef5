// page.ts: for tests/page: opens the built page in the runner's browser. Console errors and crashes fail `closePage`.

import { type Browser, chromium, type Page } from 'playwright';

/** Where the runner serves: `/` the page, `/assets/`, and `/shared/` (golden data and models). */
const baseUrl = process.env.FACET_TEST_URL!;

let browser: Browser | undefined;
const complaints = new Map<Page, string[]>();

/** A fresh page, in a context of its own, at `path` of the served demo. Lines of the console like `expected` are none of its errors. */
export async function openPage(path = '/', expected?: RegExp): Promise<Page> {
  browser ??= await chromium.connect(process.env.FACET_TEST_BROWSER!);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
  const page = await context.newPage();
  const errors: string[] = [];
  complaints.set(page, errors);
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected?.test(message.text())) errors.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => errors.push(`page error: ${error.message}`));
  page.on('crash', () => errors.push('the page crashed'));
  await page.goto(new URL(path, baseUrl).href);
  return page;
}

/** Waits until an expression in the page holds; says what the page shows, and what stands in `places`, where it never does. */
export async function waitUntil(
  page: Page,
  expression: string,
  { places = [] as readonly string[], millis = 60_000 } = {},
): Promise<void> {
  try {
    await page.waitForFunction(expression, null, { timeout: millis });
  } catch {
    const shown = ['#status', '#error', ...places].map(
      async (place) => `${place} "${await page.locator(place).textContent()}"`,
    );
    throw new Error(`the page never came to: ${expression}; it shows ${(await Promise.all(shown)).join(', ')}`);
  }
}

/** Drops a file on a page. Small ones: the bytes go through the protocol number by number. */
export async function dropFile(page: Page, name: string, type: string, bytes: Uint8Array): Promise<void> {
  const transfer = await page.evaluateHandle(
    ({ name, type, bytes }) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
      return transfer;
    },
    { name, type, bytes: [...bytes] },
  );
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

/** Closes the page and throws what it complained of. */
export async function closePage(page: Page): Promise<void> {
  await page.context().close();
  const errors = complaints.get(page) ?? [];
  if (errors.length > 0) throw new Error(`the page reported errors:\n${errors.join('\n')}`);
}
