// peers.ts: what `facet bench` runs: this engine beside its peers in one page of a headless Chromium, on the same adapter. It is
// a bundle of its own, which the command opens; files are written by the command, after each work, so that a run that is cut
// short leaves what it had.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdapterChoice, BenchBrowser, findChromium } from './browser.ts';
import { BenchError, Interrupted, untilAborted } from './errors.ts';
import { FIRST_RESULT, measureFirst } from './firstResult.ts';
import { installPeers } from './install.ts';
import { baseOf, contentsOf, filesAt, isComparable, readReport, withEarlier } from './keep.ts';
import { buildPages } from './pages.ts';
import { kindsOf, listWorks, type NamedWork, textsOf } from './peerWorks.ts';
import { type EngineName, ENGINES, estimated, type PeerReport, type Row } from './report.ts';
import { networksAtHand, serveBench } from './server.ts';
import { Session, type Timing } from './session.ts';
import { weighBundles, weighPage } from './weigh.ts';

export { markdownOf, ownFaults } from './report.ts';

const DEFAULT_SIZES = [256, 512, 1024, 2048];

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** What is measured; see the options of the command. */
export interface Selection {
  readonly isQuick: boolean;
  /** Only works whose name contains the text, or one of TEXT|TEXT. */
  readonly only?: string;
  /** Of the matrices. */
  readonly sizes?: readonly number[];
  /** Whether the time from page load to the first result is wanted. */
  readonly wantsFirst: boolean;
}

export interface PeersRequest extends Selection, Partial<Timing> {
  readonly adapter: AdapterChoice;
  /** All by default. */
  readonly peers?: readonly string[];
  /** What to type to have the same again. */
  readonly command: string;
  readonly signal: AbortSignal;
  /** The folder of the results; works left out keep the numbers that lie there. */
  readonly output?: string;
  say(text: string): void;
  /** Called with all files before anything is timed. */
  checkFiles(files: readonly string[]): void;
  /** Called with all files after each work. */
  keepFiles(contents: ReadonlyMap<string, Uint8Array | string>): void;
}

export interface PeersFound {
  /** Absent where nothing was measured. */
  readonly report?: PeerReport;
  /** Those that were kept. */
  readonly files: readonly string[];
}

export const peerNames: readonly string[] = ENGINES.slice(1);

interface Chosen {
  readonly works: readonly NamedWork[];
  readonly takesFirst: boolean;
}

function chosenBy({ isQuick, only, sizes, wantsFirst }: Selection): Chosen {
  const networks = networksAtHand(root);
  const texts = only === undefined ? undefined : textsOf(only);
  const works = listWorks({ sizes: sizes ?? DEFAULT_SIZES.slice(0, isQuick ? 2 : 4), networks, only: texts, isQuick });
  // What comes along with the project is another network than the one that pages are timed with.
  const hasNetwork = networks.includes('squeezenet');
  const isMeant = !texts || texts.some((text) => FIRST_RESULT.toLowerCase().includes(text));
  return { works, takesFirst: wantsFirst && hasNetwork && isMeant };
}

export function countWorks(selection: Selection): number {
  const { works, takesFirst } = chosenBy(selection);
  return works.length + (takesFirst ? 1 : 0);
}

/** Beginnings of the names of all works, as `only` takes them. */
export const workKinds = (): string[] => kindsOf([...everyName(), FIRST_RESULT]);

const everyName = (): string[] =>
  listWorks({ sizes: DEFAULT_SIZES, networks: networksAtHand(root), isQuick: false }).map(({ name }) => name);

/** When the signal aborts, what is finished by then. */
export async function benchPeers(request: PeersRequest): Promise<PeersFound> {
  const { signal, say, isQuick } = request;
  const { works, takesFirst } = chosenBy(request);
  const engines = ENGINES.filter((engine) => engine === 'facet' || (request.peers ?? peerNames).includes(engine));
  const timing: Timing = {
    rounds: request.rounds ?? (isQuick ? 3 : 7),
    seconds: request.seconds ?? (isQuick ? 10 : 30),
    patience: request.patience ?? 240,
  };
  const run: Run = { request, works, takesFirst, engines, timing };
  const state: State = { rows: [], files: [] };
  try {
    const chromium = await untilAborted(signal, findChromium(root));
    if (engines.length > 1) await installPeers(root, say, signal);
    say('bundling');
    await untilAborted(signal, buildPages(root, engines));
    const server = await serveBench(root);
    const browser = new BenchBrowser(chromium, server.url, signal);
    try {
      await measureAll(run, state, browser);
    } finally {
      await browser.close();
      server.close();
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
  return { report: state.report, files: state.files };
}

interface Run extends Chosen {
  readonly request: PeersRequest;
  readonly engines: readonly EngineName[];
  readonly timing: Timing;
}

interface State {
  readonly rows: Row[];
  report?: PeerReport;
  files: readonly string[];
}

async function measureAll(run: Run, state: State, browser: BenchBrowser): Promise<void> {
  const { request, works, takesFirst, engines, timing } = run;
  const { say, output, signal, isQuick } = request;
  const adapter = await browser.choose(request.adapter);
  say(adapter);
  const base = output === undefined ? undefined : baseOf({ adapter, engines }, output);
  if (base !== undefined) request.checkFiles(filesAt(base));
  const earlier = base === undefined ? undefined : readReport(base);
  const bundles = await untilAborted(signal, weighBundles(root, engines));
  if (networksAtHand(root).includes('squeezenet'))
    bundles.push(await weighPage(root, browser, 'facet', timing.patience));
  bundles.push(await weighPage(root, browser, 'squeezenet', timing.patience));

  const rounds = isQuick ? 1 : 3;
  const first = takesFirst
    ? await measureFirst(browser, engines, { rounds, patience: timing.patience }, say)
    : undefined;
  const session = new Session(browser, engines, timing, say);
  await session.open();
  const names = [...everyName(), FIRST_RESULT];
  const total = works.length + (first ? 1 : 0);
  const own = (done?: number): PeerReport => ({
    adapter,
    browser: browser.version,
    date: new Date().toISOString(),
    command: request.command,
    rounds: timing.rounds,
    ...(done === undefined ? {} : { stopped: `${done} of ${total} ${total === 1 ? 'work' : 'works'}` }),
    versions: session.versions,
    rows: first ? [...state.rows, first] : state.rows,
    bundles,
  });
  if (earlier && !isComparable(own(), earlier))
    say('the results there are of another browser or other versions, and are replaced');
  /** Until all is finished, a report says how much is. */
  const publish = async (done?: number): Promise<void> => {
    const report = withEarlier(own(done), earlier, names);
    if (base !== undefined) {
      await browser.call(timing.patience, (bench, report) => bench.draw(report), report);
      const picture = await browser.screenshot(timing.patience);
      request.keepFiles(contentsOf(base, report, picture));
      state.files = filesAt(base);
    }
    state.report = report;
  };
  if (first) await publish(1);
  for (const named of works) {
    try {
      state.rows.push(estimated(await session.measure(named), named, state.rows));
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      say(`  given up: ${(error as Error).message}`);
      await session.open(); // whatever state the page was in
      continue;
    }
    await publish(state.rows.length + (first ? 1 : 0));
  }
  if (state.rows.length === 0 && !first) {
    throw new BenchError('no work could be measured, for the reasons above. --patience gives slow machines more time.');
  }
  await publish();
}
