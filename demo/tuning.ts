// tuning.ts: times, when asked to, the kernels that the network can use on this GPU, and keeps the fastest in the browser for the
// next visits. Nothing is timed by itself: what the page computes changes, within rounding, only when somebody asks for it.

import {
  computationsOf,
  type Device,
  isCurrent,
  mergeTunings,
  type Model,
  readTuning,
  taskNames,
  tune,
} from '../src/index.ts';
import { byId, nextFrame } from './dom.ts';
import { attempt, clearError, say } from './status.ts';

const button = byId('button', 'tune');
const bar = byId('progress', 'tune-bar');
const note = byId('p', 'tune-note');

/** How long a page may keep its user waiting. */
const BUDGET_MILLIS = 20_000;

const keyOf = (device: Device): string => `facet tuning ${device.key}`;

/** Takes what was found on an earlier visit, if the browser kept it. */
export function recall(device: Device): void {
  try {
    const tuning = readTuning(localStorage.getItem(keyOf(device)) ?? '');
    device.useTuning(tuning);
    // Timings of an earlier version of the page choose nothing.
    const count = Object.values(tuning?.ops ?? {}).filter(isCurrent).length;
    if (count > 0) tell(`Kernels are chosen by ${count} ${count === 1 ? 'timing' : 'timings'} of earlier.`);
  } catch {
    // a browser that keeps nothing
  }
}

function keep(device: Device): boolean {
  try {
    localStorage.setItem(keyOf(device), JSON.stringify(device.tuning));
    return true;
  } catch {
    return false;
  }
}

function tell(text: string): void {
  note.textContent = text;
  note.hidden = text === '';
}

export interface TunedPage {
  model(): Model | undefined;
  /** Stops what would disturb the timing, and lets nothing of it begin; resolves when it stands still. */
  rest(): Promise<void>;
  /** The timing is over. */
  resume(): void;
  /** Shows the network with its kernels chosen anew. */
  renew(): void;
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
    await attempt(() => tuneModel(device, model, page, (going as AbortController).signal));
    going = undefined;
    page.resume();
    button.textContent = 'Tune';
    bar.hidden = true;
    say('gpu', '');
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
  if (ops.length === 0) return tell('Nothing was timed.');
  device.useTuning(mergeTunings(device.tuning, tuning));
  const isKept = keep(device);
  const changed = ops.filter(({ usual, chosen }) => usual !== chosen).length;
  tell(
    `Timed ${ops.length} of ${ops.length + untimed} kinds of steps; ` +
      `${changed === 0 ? 'the usual kernels are the fastest' : `${changed} ${changed === 1 ? 'takes' : 'take'} another kernel than usual`}.` +
      `${isKept ? '' : ' This browser keeps nothing, so it is for this visit.'}`,
  );
  page.renew();
}
