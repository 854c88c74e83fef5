// suite.ts: how a test file says what it tests. `const test = suite('conv2d'); test('same padding', () => { … })`
// uvu runs the tests; this file keeps the ledger that tests/run.mjs reads, because uvu alone closes green when a hook
// throws, when something that is no Error is thrown, and when `.run()` is forgotten. Here there is no `.run()`, no
// `.only` and no `.skip`, and a planned test that never reports has failed.

import * as uvu from 'uvu';

type Body = () => void | Promise<void>;

interface TestOptions {
  /** Seconds until the test counts as hanging; the runner's default is 120. */
  timeoutSeconds?: number;
}

interface Suite {
  (name: string, body: Body, options?: TestOptions): void;
  before: Hook;
  after: Hook;
}

interface Hook {
  (body: Body): void;
  each(body: Body): void;
}

/** What a test file tells the runner. `test` counts in the order of the plan. */
export type Report =
  | { type: 'plan'; tests: string[] }
  | { type: 'start'; test: number; timeoutSeconds?: number }
  | { type: 'pass'; test: number }
  | { type: 'fail'; test: number; message: string }
  | { type: 'broken'; what: string; message: string }
  | { type: 'adapter'; text: string; software: boolean }
  | { type: 'count'; text: string }
  | { type: 'done' };

export type Send = (report: Report) => Promise<void>;

const suites: { name: string; size: number; run: () => void }[] = [];
const plan: string[] = [];
let send: Send | undefined;

/** Has the runner print a line under the file's verdict: how much was tried, and what came of it. */
export const tell = async (text: string): Promise<void> => void (await send?.({ type: 'count', text }));

export function suite(name: string): Suite {
  const inner = uvu.suite(name);
  const beforeEach: Body[] = [];
  const afterEach: Body[] = [];
  const entry = { name, size: 0, run: inner.run };
  suites.push(entry);

  function test(title: string, body: Body, options: TestOptions = {}) {
    if (send) throw new Error(`"${title}" is queued after the tests began: queue tests while the file loads`);
    const id = plan.push(`${name}: ${title}`) - 1;
    entry.size++;
    inner(title, async () => {
      await send?.({ type: 'start', test: id, timeoutSeconds: options.timeoutSeconds });
      try {
        for (const hook of beforeEach) await hook();
        try {
          await body();
        } finally {
          for (const hook of afterEach) await hook();
        }
      } catch (thrown) {
        await send?.({ type: 'fail', test: id, message: describe(thrown) });
        throw new Error(describe(thrown)); // for uvu's own account, which `node dist/tests/node/x.test.mjs` prints
      }
      await send?.({ type: 'pass', test: id });
    });
  }

  const guarded = (what: string, body: Body, isFatal: boolean) => async () => {
    try {
      await body();
    } catch (thrown) {
      await send?.({ type: 'broken', what: `${name}: ${what}`, message: describe(thrown) });
      if (isFatal) throw thrown;
    }
  };
  const before = (body: Body) => inner.before(guarded('before hook', body, true)); // no test of the suite will run
  const after = (body: Body) => inner.after(guarded('after hook', body, false)); // the next suites still run
  return Object.assign(test, {
    before: Object.assign(before, { each: (body: Body) => void beforeEach.push(body) }),
    after: Object.assign(after, { each: (body: Body) => void afterEach.push(body) }),
  });
}

/** Message, the difference where uvu made one, and the head of the stack: of anything that can be thrown. */
function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `threw what is no Error: ${String(thrown)}`;
  const { details } = thrown as { details?: string | false };
  const { name, message, stack = '' } = thrown;
  const frames = stack.slice(stack.indexOf(message) + message.length).split('\n');
  const own = frames.filter((line) => /^\s+at /.test(line) && !/node_modules|node:|\bentry:|suite\.ts/.test(line));
  return [`${name}: ${message}`, ...(details ? [details] : []), ...own.slice(0, 6)].join('\n');
}

/** Loads a test file and runs what it queued. Never throws: everything that goes wrong is reported. */
export async function runFile(load: () => Promise<unknown>, sendReport: Send): Promise<void> {
  const broken = (what: string, message: string) => sendReport({ type: 'broken', what, message });
  try {
    await load();
  } catch (thrown) {
    await broken('loading', describe(thrown));
  }
  send = sendReport;
  await send({ type: 'plan', tests: plan });
  if (suites.length === 0) await broken('suites', 'the file queued no suite');
  for (const { name, size, run } of suites) {
    if (size === 0) await broken(`suite ${name}`, 'the suite has no test');
    run();
  }
  try {
    await uvu.exec();
  } catch (thrown) {
    await broken('running', describe(thrown));
  }
  await send({ type: 'done' });
}

/** Over IPC, from a process that the runner started. */
export const reportToRunner: Send = (report) =>
  new Promise((resolve, reject) => {
    process.send!(report, undefined, {}, (error) => (error ? reject(error) : resolve()));
  });

/** Entry of a test bundle in Node: reports to the runner over IPC; alone, it leaves uvu's own output. */
export async function runInNode(load: () => Promise<unknown>): Promise<void> {
  const toTerminal: Send = async (report) => {
    if (report.type !== 'broken') return;
    console.error(`${report.what}: ${report.message}`);
    process.exitCode = 1;
  };
  await runFile(load, process.send ? reportToRunner : toTerminal);
  process.exit();
}
