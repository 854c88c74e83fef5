// browser.ts: the Chromium that the page runs in, and calls into the page that end in time.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserServer, Page } from 'playwright';
import { BenchError, untilAborted } from './errors.ts';
import type { Bench } from './page.ts';

/** A call that took too long; the page is of no more use. */
export class TimeoutError extends Error {}

/** As `--adapter` has it. */
export type AdapterChoice = 'auto' | 'gpu' | 'software';

interface Adapter {
  readonly name: string;
  readonly isSoftware: boolean;
}

/** What scripts/ensure-browser.mjs offers. */
interface BrowserScript {
  readonly flagsFor: Installed['flagsFor'];
  findBrowser(): Promise<string | undefined>;
}

const VIEWPORT = { width: 1200, height: 1000 };

/** Seconds in which a browser says what adapter it has, or has none. */
const PROBE_SECONDS = 60;

/** The command of a Chromium, and the flags that it needs. */
interface Installed {
  readonly command: string;
  readonly flagsFor: (adapter: 'software' | 'gpu') => readonly string[];
}

export async function findChromium(root: string): Promise<Installed> {
  const script = pathToFileURL(path.join(root, 'scripts/ensure-browser.mjs')).href;
  const { flagsFor, findBrowser } = (await import(script)) as BrowserScript;
  let command: string | undefined;
  try {
    command = await findBrowser();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') throw error;
    throw new BenchError((error as Error).message, { cause: error });
  }
  if (command === undefined) {
    throw new BenchError(
      'no Chromium was found, in which the engines run. `node scripts/ensure-browser.mjs` installs one; or set CHROMIUM to the command of yours.',
    );
  }
  return { command, flagsFor };
}

export class BenchBrowser {
  private server: BrowserServer | undefined;
  private browser: Browser | undefined;
  private page: Page | undefined;
  private isSoftware = true;

  constructor(
    private readonly installed: Installed,
    private readonly url: string,
    /** Ends whatever is waited for. */
    private readonly signal: AbortSignal,
  ) {}

  /** Decides which adapter all pages use. Returns its name. */
  async choose(choice: AdapterChoice): Promise<string> {
    if (choice !== 'software') {
      const found = await this.adapterOf(false);
      if (found && !found.isSoftware) return found.name;
      if (choice === 'gpu') {
        throw new BenchError(
          `Chromium offers no GPU here${found ? `, only ${found.name}` : ''}. Leave --adapter gpu out to measure on its software adapter.`,
        );
      }
    }
    const found = await this.adapterOf(true);
    if (found) return found.name;
    throw new BenchError(
      `"${this.installed.command}" offers no WebGPU adapter, not even its software one. Set CHROMIUM to a newer Chromium.`,
    );
  }

  private async adapterOf(isSoftware: boolean): Promise<Adapter | undefined> {
    this.isSoftware = isSoftware;
    await this.open('blank.html', () => undefined);
    // As text: a function that the bundler has touched may refer to what is not in the page.
    const code = `(async () => {
      const info = (await navigator.gpu?.requestAdapter())?.info;
      if (!info) return undefined;
      const kind = [info.vendor, info.architecture].filter(Boolean).join(' ');
      const name = info.description || info.device || kind || 'unknown adapter';
      const isSoftware = info.isFallbackAdapter || /swiftshader|llvmpipe|software/i.test(name + ' ' + kind);
      return { name, isSoftware };
    })()`;
    try {
      return await this.within(PROBE_SECONDS, 'the search for an adapter', (this.page as Page).evaluate(code));
    } catch (error) {
      if (error instanceof TimeoutError) return undefined;
      throw error;
    }
  }

  /** A page in a new browser, whose caches of compiled shaders are empty. Its errors go to `complain`. */
  async open(file: string, complain: (text: string) => void): Promise<void> {
    await this.close();
    const { chromium } = await import('playwright');
    const { command, flagsFor } = this.installed;
    const extra = process.env.CHROMIUM_FLAGS?.split(' ') ?? [];
    const launching = chromium.launchServer({
      host: '127.0.0.1',
      executablePath: command,
      args: [...flagsFor(this.isSoftware ? 'software' : 'gpu'), ...extra],
      // Playwright would close a browser in order, which one that hangs does not do; at the end of the process it kills it.
      handleSIGINT: false,
      handleSIGTERM: false,
    });
    try {
      this.server = await untilAborted(this.signal, launching);
    } catch (error) {
      if (this.signal.aborted) throw error;
      const [reason] = (error as Error).message.split('\n');
      throw new BenchError(`"${command}" does not start: ${reason} Set CHROMIUM to a Chromium that does.`, {
        cause: error,
      });
    }
    await untilAborted(this.signal, this.show(this.server, file, complain));
  }

  private async show(server: BrowserServer, file: string, complain: (text: string) => void): Promise<void> {
    const { chromium } = await import('playwright');
    this.browser = await chromium.connect(server.wsEndpoint());
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
    return this.within(seconds, 'a call into the page', page.evaluate(code) as Promise<R>);
  }

  async waitFor<R>(seconds: number, expression: string): Promise<R> {
    const page = this.page as Page;
    const handle = this.within(
      seconds,
      expression,
      page.waitForFunction(expression, undefined, { timeout: 0, polling: 50 }),
    );
    return (await (await handle).jsonValue()) as R;
  }

  /** A picture of the whole page, as PNG. */
  async screenshot(seconds: number): Promise<Uint8Array> {
    const page = this.page as Page;
    return this.within(seconds, 'a picture of the page', page.locator('body').screenshot({ timeout: 0 }));
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = this.browser = this.page = undefined;
    await server?.kill(); // a page that hangs would not let it close in order
  }

  private async within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new TimeoutError(`${what} took longer than ${seconds} s`)), 1000 * seconds);
    });
    try {
      return await untilAborted(this.signal, Promise.race([work, late]));
    } finally {
      clearTimeout(timer);
    }
  }
}
