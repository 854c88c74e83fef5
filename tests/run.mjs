// run.mjs: `npm test [-- SUBSTRING …]`. Builds, then runs tests/node and tests/page in Node (a process a file) and
// tests/gpu in Chromium (a page a file). Green means: every planned test reported that it passed, nothing else went
// wrong, and there was at least one. The last line is `N passed, N failed`.
// `--adapter gpu` does not force Chromium onto its software adapter, and runs nothing where there is no GPU.
// `--in node` runs tests/gpu in Node through Dawn (a process a file), on either adapter, and names what needs a page.
// `--tests DIR` runs another folder of the same layout, `--timeout S` changes how long one test may take.

import { fork } from 'node:child_process';
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildPage, buildTests, root, testFiles } from '../build.mjs';
import { ensureBrowser, flagsFor } from '../scripts/ensure-browser.mjs';

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    adapter: { type: 'string', default: 'software' },
    in: { type: 'string', default: 'browser' },
    tests: { type: 'string', default: 'tests' },
    timeout: { type: 'string', default: '120' },
  },
});
const timeoutSeconds = Number(options.timeout);

/** Why there is nothing to run, in one sentence. */
class Refusal extends Error {}

let passed = 0;
let failed = 0;

/** What all files of tests/gpu and tests/page run on. */
let adapter;

/** Takes what an entry says of its adapter, and refuses where a GPU was asked for and there is none. */
function useAdapter(report) {
  const isThere = report.type === 'adapter';
  // Dawn in Node has looked for a GPU itself, and says what it misses.
  if (options.adapter === 'gpu' && options.in === 'browser' && !(isThere && !report.software)) {
    throw new Refusal(
      `There is no GPU that Chromium can use here (${isThere ? `only ${report.text}` : report.message}): install its ` +
        'Vulkan driver, give Chromium the flags it needs in CHROMIUM_FLAGS, or try --in node.',
    );
  }
  if (!isThere) throw new Refusal(report.message);
  if (adapter === undefined) console.log(`on ${report.text}, in ${options.in === 'node' ? 'Node' : 'Chromium'}`);
  adapter = report.text;
}

/** The account of one test file. `run(file)` feeds it reports; `abort` is called when a test hangs. */
class Account {
  #began = performance.now();
  #plan;
  #passes = new Set();
  #running;
  #failures = [];
  #failedTests = new Set();
  /** Lines that tests want seen, as counts of what they tried. */
  #counts = [];
  #isDone = false;
  #watchdog;

  constructor(file, abort) {
    this.file = file;
    this.abort = abort;
    this.#watch('loading', timeoutSeconds);
  }

  #watch(what, seconds) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      const message = `took longer than ${seconds} s`;
      if (this.#running === undefined) this.broken(what, message);
      else this.#fail(this.#running, message);
      this.hung = true;
      this.abort();
    }, seconds * 1000);
  }

  #fail(test, message) {
    this.#failedTests.add(test);
    this.#failures.push({ what: this.#plan[test], message });
  }

  /** Something failed that is no test: a hook, the loading of the file, the console, the process. */
  broken(what, message) {
    this.#failures.push({ what, message });
  }

  accept(report) {
    switch (report.type) {
      case 'plan':
        this.#plan = report.tests;
        break;
      case 'start':
        this.#running = report.test;
        this.#watch('', report.timeoutSeconds ?? timeoutSeconds);
        return;
      case 'pass':
        this.#passes.add(report.test);
        break;
      case 'fail':
        this.#fail(report.test, report.message);
        break;
      case 'broken':
        this.broken(report.what, report.message);
        return;
      case 'adapter':
        // As when Chromium falls back to software after its GPU process crashed.
        if (report.text !== adapter) this.broken('adapter', `this file would run on ${report.text}, not on ${adapter}`);
        return;
      case 'count':
        this.#counts.push(report.text);
        return;
      case 'done':
        this.#isDone = true;
        break;
    }
    this.#running = undefined;
    this.#watch(this.#isDone ? 'ending' : 'a hook', timeoutSeconds);
  }

  /** Closes the account: what was planned and did not report has failed. Prints it and adds it to the totals. */
  close(ending = '') {
    clearTimeout(this.#watchdog);
    for (const test of this.#plan?.keys() ?? []) {
      if (!this.#passes.has(test) && !this.#failedTests.has(test)) this.#fail(test, `never finished${ending}`);
    }
    if (!this.#isDone && this.#failures.length === 0) this.broken('the file', `ended early${ending}`);
    if (this.#isDone && ending && this.#failures.length === 0) this.broken('the process', `ended badly${ending}`);

    const count = this.#plan?.length ?? 0;
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    const verdict = this.#failures.length === 0 ? 'ok  ' : 'FAIL';
    console.log(`${verdict} ${this.file} (${count} ${count === 1 ? 'test' : 'tests'}, ${seconds} s)`);
    for (const line of this.#counts) console.log(`     ${line}`);
    for (const { what, message } of this.#failures) console.log(`     ✘ ${what}\n${indent(message)}`);
    passed += this.#passes.size;
    failed += this.#failures.length;
  }
}

const bundleOf = (file) => path.join(root, 'dist', file.replace(/(\.ts)?$/, '.mjs'));

const indent = (text) => text.replace(/^/gm, '       ');

/** A test bundle in a process of its own; its output is shown when the process ends badly. */
function runInNode(file, env) {
  return new Promise((resolve) => {
    let output = '';
    const child = fork(bundleOf(file), [], {
      cwd: root,
      env: { ...process.env, ...env },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const account = new Account(file, () => child.kill('SIGKILL'));
    child.stdout.resume();
    child.stderr.on('data', (data) => {
      output = (output + data).slice(-4000);
    });
    child.on('message', (report) => account.accept(report));
    child.on('close', (code, signal) => {
      const isGood = code === 0 && !signal;
      account.close(isGood ? '' : `: the process ended with ${signal ?? `code ${code}`}\n${output}`.trimEnd());
      resolve(account);
    });
  });
}

/** A GPU test file in a page of its own. Console errors, uncaught errors and crashes count as failures. */
async function runInPage(file, browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const account = await new Promise((resolve) => {
    const account = new Account(file, () => resolve(account));
    page.on('console', (message) => message.type() === 'error' && account.broken('console', message.text()));
    page.on('pageerror', (error) => {
      account.broken('uncaught', error.stack ?? String(error));
      resolve(account);
    });
    page.on('crash', () => {
      account.broken('page', 'the page crashed');
      resolve(account);
    });
    const report = (report) => {
      account.accept(report);
      if (report.type === 'done') resolve(account);
    };
    page
      .exposeFunction('report', report)
      .then(() => page.goto(`${url}/gpu.html?file=${encodeURIComponent(file)}`))
      .catch((error) => {
        account.broken('page', error.message);
        resolve(account);
      });
  });
  account.close();
  if (!account.hung) await context.close();
  return account;
}

const mimeTypes = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
};

// On 127.0.0.1, because navigator.gpu needs a secure context.
async function serve() {
  const folders = {
    '/shared/': path.join(root, '../shared'),
    '/assets/': path.join(root, 'assets'),
    '/fixtures/': path.join(root, 'tests/fixtures'),
    '/tests/': path.join(root, 'dist', options.tests),
    '/': path.join(root, 'dist/page'),
  };
  const gpuPage =
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/tests/gpu.js"></script>';

  const server = createServer((request, response) => {
    const pathname = path.posix.normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
    if (pathname === '/gpu.html') {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(gpuPage);
      return;
    }
    const prefix = Object.keys(folders).find((prefix) => pathname.startsWith(prefix));
    const name = pathname === '/' ? 'index.html' : pathname.slice(prefix.length);
    const file = path.join(folders[prefix], name);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats?.isFile()) {
      response.writeHead(404).end(`no ${pathname}`);
      return;
    }
    const type = mimeTypes[path.extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': stats.size, 'Cache-Control': 'no-store' });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** The first report, or that there was none within a minute. */
const firstReport = (listen) =>
  new Promise((resolve) => {
    const timer = setTimeout(() => none('gives no answer within 60 s'), 60_000);
    const none = (what) =>
      take({ type: 'broken', what: 'adapter', message: `WebGPU ${what} when asked for an adapter` });
    const take = (report) => {
      clearTimeout(timer);
      resolve(report);
    };
    listen(take, none);
  });

async function adapterOfPage(browser, url) {
  const page = await browser.newPage();
  return firstReport(async (take, none) => {
    page.on('pageerror', (error) => none(`fails (${error.message})`));
    page.on('crash', () => none('crashes'));
    await page.exposeFunction('report', take);
    await page.goto(`${url}/gpu.html`).catch((error) => none(`fails (${error.message})`));
  });
}

async function adapterOfNode() {
  const child = fork(bundleOf(`${options.tests}/adapter`), [], { cwd: root, env: dawnEnv(), silent: true });
  const report = await firstReport((take, none) => {
    child.on('message', take);
    child.on('close', (code, signal) => none(`ends the process with ${signal ?? `code ${code}`}`));
  });
  child.kill('SIGKILL');
  return report;
}

const dawnEnv = () => ({ ...process.env, FACET_TEST_ADAPTER: options.adapter });

async function launch() {
  const { chromium } = await import('playwright');
  const extra = process.env.CHROMIUM_FLAGS?.split(' ') ?? [];
  const executablePath = await ensureBrowser();
  const server = await chromium.launchServer({
    host: '127.0.0.1',
    executablePath,
    args: [...flagsFor(options.adapter), ...extra],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  return { browser, endpoint: server.wsEndpoint(), close: () => server.kill() };
}

async function runNodeFiles(files) {
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) await runInNode(file, {});
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function runBrowserFiles(gpuFiles, pageFiles) {
  const server = await serve();
  let browser = await launch();
  try {
    useAdapter(await adapterOfPage(browser.browser, server.url));
    for (const file of gpuFiles) {
      const { hung } = await runInPage(file, browser.browser, server.url);
      if (hung) {
        await browser.close(); // a page that hangs may hold the GPU process: the next file gets a new browser
        browser = await launch();
      }
    }
    for (const file of pageFiles) {
      await runInNode(file, { FACET_TEST_URL: server.url, FACET_TEST_BROWSER: browser.endpoint });
    }
  } finally {
    await browser.close();
    server.close();
  }
}

/** One after the other: each has the whole adapter. */
async function runDawnFiles(files) {
  for (const file of files) await runInNode(file, dawnEnv());
}

function check(name, values) {
  if (!values.includes(options[name])) {
    throw new Refusal(`--${name} is ${values.join(' or ')}, not "${options[name]}".`);
  }
}

/** Files that cannot run where the run was asked for. */
let left = [];

try {
  check('adapter', ['software', 'gpu']);
  check('in', ['browser', 'node']);
  const isInNode = options.in === 'node';
  const chosen = filters.length > 0 ? filters : [''];
  const [nodeFiles, gpuFiles, pageFiles] = ['node', 'gpu', 'page'].map((kind) =>
    testFiles(kind, options.tests, chosen),
  );
  if (nodeFiles.length + gpuFiles.length + pageFiles.length === 0) throw new Refusal('no test file matches');
  await buildTests(options.tests, chosen, options.in);
  if (isInNode) {
    left = pageFiles;
    // The command line's tests need Chromium's software adapter too, and the runner's own a browser.
    if (nodeFiles.length > 0 || options.adapter === 'software') await ensureBrowser();
    if (gpuFiles.length > 0) useAdapter(await adapterOfNode());
    await runNodeFiles(nodeFiles);
    await runDawnFiles(gpuFiles);
  } else {
    if (pageFiles.length > 0) await buildPage();
    await ensureBrowser();
    const needsPage = gpuFiles.length + pageFiles.length > 0;
    if (needsPage && options.adapter === 'gpu') await runBrowserFiles([], []); // refuses before anything has run
    await runNodeFiles(nodeFiles);
    if (needsPage) await runBrowserFiles(gpuFiles, pageFiles);
  }
} catch (error) {
  failed++;
  console.log(`FAIL the run: ${error instanceof Refusal ? error.message : (error.stack ?? error)}`);
}

if (left.length > 0) {
  console.log(
    `not run in Node, because they need a page, ${left.length} ${left.length === 1 ? 'file' : 'files'}: ${left.join(', ')}`,
  );
}
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
console.log(`${passed} passed, ${failed} failed`);
process.exit();
