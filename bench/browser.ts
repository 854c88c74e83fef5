// browser.ts: the Chromium that the page runs in, and calls into the page that end in time.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserServer, Page } from 'playwright';
import type { Bench } from './page.ts';

/** A call that took too long; the page is of no more use. */
export class TimeoutError extends Error {}

const VIEWPORT = { width: 1200, height: 1000 };

async function within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`${what} took longer than ${seconds} s`)), 1000 * seconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class BenchBrowser {
  private server: BrowserServer | undefined;
  private browser: Browser | undefined;
  private page: Page | undefined;

  constructor(
    private readonly root: string,
    private readonly url: string,
    /** Not forced onto the software adapter. */
    private readonly isGpu: boolean,
  ) {}

  /** A page in a new browser, whose caches of compiled shaders are empty. Its errors go to `complain`. */
  async open(file: string, complain: (text: string) => void): Promise<void> {
    await this.close();
    const { chromium } = await import('playwright');
    const script = pathToFileURL(path.join(this.root, 'scripts/ensure-browser.mjs')).href;
    const { ensureBrowser, flagsFor } = (await import(script)) as {
      flagsFor(adapter: 'software' | 'gpu'): readonly string[];
      ensureBrowser(): Promise<string>;
    };
    const extra = process.env.CHROMIUM_FLAGS?.split(' ') ?? [];
    const executablePath = await ensureBrowser();
    this.server = await chromium.launchServer({
      host: '127.0.0.1',
      executablePath,
      args: [...flagsFor(this.isGpu ? 'gpu' : 'software'), ...extra],
      // Playwright would close a browser in order, which one that hangs does not do; at the end of the process it kills it.
      handleSIGINT: false,
      handleSIGTERM: false,
    });
    this.browser = await chromium.connect(this.server.wsEndpoint());
    this.page = await this.browser.newPage({ viewport: VIEWPORT });
    this.page.on('pageerror', (error) => complain(error.message));
    this.page.on('crash', () => complain('the page crashed'));
    await this.page.goto(`${this.url}/${file}`);
  }

  get version(): string {
    return `Chromium ${this.browser?.version() ?? ''}`;
  }

  /** Calls the page's half of the benchmark. Throws a `TimeoutError` after so many seconds. */
  async call<A, R>(seconds: number, f: (bench: Bench, argument: A) => R | Promise<R>, argument: A): Promise<R> {
    const page = this.page as Page;
    // As text, because a function that the bundler has touched may refer to what is not in the page.
    const code = `((argument) => (${f.toString()})(window.bench, argument))(${JSON.stringify(argument) ?? 'undefined'})`;
    return within(seconds, 'a call into the page', page.evaluate(code) as Promise<R>);
  }

  async waitFor<R>(seconds: number, expression: string): Promise<R> {
    const page = this.page as Page;
    const handle = within(
      seconds,
      expression,
      page.waitForFunction(expression, undefined, { timeout: 0, polling: 50 }),
    );
    return (await (await handle).jsonValue()) as R;
  }

  async screenshot(file: string): Promise<void> {
    await this.page?.screenshot({ path: file, fullPage: true });
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = this.browser = this.page = undefined;
    await server?.kill(); // a page that hangs would not let it close in order
  }
}
