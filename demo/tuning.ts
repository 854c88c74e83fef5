// tuning.ts: times, when asked to, the kernels that the network can use on this GPU, and keeps the fastest in the browser for the
// next visits. Nothing is timed by itself: what the page computes changes, within rounding, only when somebody asks for it.

import { computationsOf, type Device, mergeTunings, type Model, readTuning, taskNames, tune } from '../src/index.ts';
import { byId, nextFrame } from './dom.ts';
import { attempt, clearError, say } from './status.ts';

const button = byId('button', 'tune');
const bar = byId('progress', 'tune-bar');
const forget = byId('button', 'tune-forget');
const note = byId('p', 'tune-note');

/** How long a page may keep its user waiting. */
const BUDGET_MILLIS = 20_000;

const keyOf = (device: Device): string => `facet tuning ${device.key}`;

/** Takes what was found on an earlier visit, if the browser kept it. */
export async function recall(device: Device): Promise<void> {
  try {
    await device.useTuning(readTuning(localStorage.getItem(keyOf(device)) ?? ''));
  } catch {
    // a browser that keeps nothing
  }
  // Timings of an earlier version of the page choose nothing, and are not counted.
  const { tuned } = device.choices;
  show(device, tuned > 0 ? `Kernels are chosen by ${tuned} ${tuned === 1 ? 'timing' : 'timings'} of earlier.` : '');
}

function keep(device: Device): boolean {
  try {
    localStorage.setItem(keyOf(device), JSON.stringify(device.tuning));
    return true;
  } catch {
    return false;
  }
}

/** What came of it; where it is nothing, who chooses. */
function show(device: Device, text: string): void {
  note.textContent = text || 'Kernels are chosen by heuristics.';
  forget.hidden = device.tuning === undefined;
}

export interface TunedPage {
  model(): Model | undefined;
  /** Stops what would disturb the timing, and lets nothing of it begin; resolves when it stands still. */
  rest(): Promise<void>;
  /** The timing is over. */
  resume(): void;
  /** Shows the network with its kernels chosen anew. */
  renew(): void;
  /** Times anew what was timed with other kernels. */
  refresh(): void;
}

export function listen(device: Device, page: TunedPage): void {
  let going: AbortController | undefined;
  button.addEventListener('click', async () => {
    if (going) return going.abort();
    const model = page.model();
    if (!model) return;
    clearError();
    going = new AbortController();
    button.textContent = 'Stop';
    forget.disabled = true;
    const before = device.tuning;
    await attempt(() => tuneModel(device, model, page, (going as AbortController).signal));
    going = undefined;
    page.resume();
    button.textContent = 'Tune';
    forget.disabled = false;
    bar.hidden = true;
    say('gpu', '');
    if (device.tuning !== before) page.refresh();
  });
  forget.addEventListener('click', async () => {
    clearError();
    await page.rest();
    await device.useTuning(undefined);
    try {
      localStorage.removeItem(keyOf(device));
    } catch {
      // a browser that keeps nothing
    }
    show(device, '');
    page.renew();
    page.resume();
    page.refresh();
  });
}

async function tuneModel(device: Device, model: Model, page: TunedPage, signal: AbortSignal): Promise<void> {
  say('gpu', 'Timing kernels…', true);
  await page.rest();
  await nextFrame();
  const computations = taskNames.flatMap((task) => computationsOf(model, task));
  const { tuning, ops, untimed } = await tune(device, computations, {
    budgetMillis: BUDGET_MILLIS,
    signal,
    progress(done, total) {
      bar.hidden = false;
      bar.max = total;
      bar.value = done;
    },
  });
  const decided = ops.filter(({ isDecided }) => isDecided).length;
  if (decided === 0) return show(device, 'The time was over before anything was clear: the kernels are as they were.');
  await device.useTuning(mergeTunings(device.tuning, tuning));
  const isKept = keep(device);
  const changed = ops.filter(({ usual, chosen }) => usual !== chosen).length;
  show(
    device,
    `Timed ${decided} of ${ops.length + untimed} kinds of steps; ` +
      `${changed === 0 ? 'the usual kernels are the fastest' : `${changed} ${changed === 1 ? 'takes' : 'take'} another kernel than usual`}.` +
      `${isKept ? '' : ' This browser keeps nothing, so it is for this visit.'}`,
  );
  page.renew();
}
