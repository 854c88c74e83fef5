// status.ts: the line that says what goes on, the line that says what went wrong, and the meters.

import { type Device, type NodeProblem, UnsupportedModelError } from '../src/index.ts';
import { byId, create } from './dom.ts';

/** A user's mistake, said in one sentence. */
export class PageError extends Error {
  override name = 'PageError';
}

/** Who speaks in the status line; each has one thing to say at a time. */
type Speaker = 'network' | 'image' | 'picture' | 'method' | 'kernels' | 'gpu';

const said = new Map<Speaker, { text: string; busy: boolean }>();

/** Shows what a part of the page is doing; an empty text withdraws it. */
export function say(speaker: Speaker, text: string, busy = false): void {
  said.set(speaker, { text, busy });
  const now = [...said.values()].filter(({ text }) => text !== '');
  const line = byId('p', 'status');
  const words = now.map(({ text }) => text).join(' ');
  if (line.textContent !== words) line.textContent = words;
  line.classList.toggle(
    'busy',
    now.some(({ busy }) => busy),
  );
}

export function complain(error: unknown): void {
  const line = byId('p', 'error');
  line.textContent = sentenceFor(error);
  line.hidden = false;
  listProblems(error instanceof UnsupportedModelError ? error.problems : []);
}

/** One sentence for the user, with a capital. */
export function sentenceFor(error: unknown): string {
  const [sentence] = sentenceOf(error).split('\n');
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof UnsupportedModelError)) return error instanceof Error ? error.message : String(error);
  const { model, problems } = error;
  const count = problems.length === 1 ? 'one of its nodes' : `${problems.length} of its nodes`;
  return `model "${model}" cannot be opened: ${count} cannot be computed here. Export it up to the layer before.`;
}

/** The nodes that stand in the way of opening a network, with why. */
function listProblems(problems: readonly NodeProblem[]): void {
  const row = (tag: 'th' | 'td', texts: readonly string[]) =>
    create('tr', {}, ...texts.map((textContent) => create(tag, { textContent })));
  const rows = problems.map(({ node, op, domain, why }) => row('td', [node, domain ? `${domain}.${op}` : op, why]));
  byId('table', 'problem-list').replaceChildren(row('th', ['Node', 'Operator', 'Why']), ...rows);
  byId('div', 'problems').hidden = problems.length === 0;
}

/** Called when the user does something new: what went wrong before no longer matters. */
export function clearError(): void {
  byId('p', 'error').hidden = true;
  byId('div', 'problems').hidden = true;
}

/** Does a thing that may fail; what fails is shown. Returns whether it worked. */
export async function attempt(task: () => Promise<void> | void): Promise<boolean> {
  try {
    await task();
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

const MEMORY_MILLIS = 400;
const MEBIBYTE = 2 ** 20;

/** Shows the adapter, and from now on the memory of all buffers. */
export function showDevice(device: Device): void {
  const { name, software } = device.adapter;
  byId('dd', 'adapter').textContent = software ? `${name} (software: slow)` : name;
  const show = () => {
    byId('dd', 'memory').textContent = `${(device.memory.bytes / MEBIBYTE).toFixed(1)} MiB`;
  };
  show();
  setInterval(show, MEMORY_MILLIS);
}

/** Steps per second, or nothing. */
export function showSpeed(stepsPerSecond?: number): void {
  const digits = stepsPerSecond !== undefined && stepsPerSecond < 10 ? 1 : 0;
  byId('dd', 'speed').textContent = stepsPerSecond === undefined ? '–' : `${stepsPerSecond.toFixed(digits)} steps/s`;
}
