// byHand.ts: Shapley values by hand: sets, contributions and values of a network of two inputs, computed when it is opened.

import { type Device, type GameByHand, playByHand, showSet } from '../src/index.ts';
import { byId, create } from './dom.ts';
import { attempt, clearError } from './status.ts';

/** Computes at the first opening; after a failure, at the next. */
export function listen(device: Device): void {
  const details = byId('details', 'game');
  let state: 'closed' | 'computing' | 'shown' = 'closed';
  details.addEventListener('toggle', async () => {
    if (!details.open || state !== 'closed') return;
    state = 'computing';
    clearError();
    const body = byId('div', 'game-body');
    body.replaceChildren(create('p', { className: 'hint', textContent: 'Computing…' }));
    const isDone = await attempt(async () => body.replaceChildren(...describe(await playByHand(device))));
    state = isDone ? 'shown' : 'closed';
    if (!isDone) body.replaceChildren();
  });
}

/** Zeros at the end go. */
const show = (value: number): string => String(Number(value.toFixed(4))).replace('-', '−');

function describe({ formula, sets, orders, values, gain, methods }: GameByHand): HTMLElement[] {
  const names = values.map((_, i) => `C${i + 1}`);
  const isShared = (sum: number): string => (show(sum) === show(gain) ? show(sum) : `${show(sum)} ≠ ${show(gain)}`);
  return [
    create('p', { className: 'hint', textContent: `f(x1, x2) = ${formula} at (1, 1); an input that is absent is 0.` }),
    create(
      'div',
      { className: 'tables' },
      table('What each set scores', [['Set S', 'f(S)'], ...sets.map((s) => [showSet(s.players), show(s.score)])]),
      table('What each input adds when it comes', [
        ['Order', ...names],
        ...orders.map(({ order, contributions }) => [order.join(' then '), ...contributions.map(show)]),
        ['Mean: Shapley value', ...values.map(show)],
      ]),
      table('What methods make of it', [
        ['Method', ...names, 'Sum'],
        ...methods.map(({ title, values, sum }) => [title, ...values.map(show), isShared(sum)]),
      ]),
    ),
  ];
}

function table(caption: string, [head, ...rows]: readonly (readonly string[])[]): HTMLTableElement {
  const header = head.map((textContent, k) =>
    create('th', { textContent, scope: 'col', className: k ? 'number' : '' }),
  );
  const row = ([name, ...numbers]: readonly string[]) =>
    create(
      'tr',
      {},
      create('th', { textContent: name, scope: 'row' }),
      ...numbers.map((textContent) => create('td', { textContent, className: 'number' })),
    );
  return create(
    'table',
    {},
    create('caption', { textContent: caption }),
    create('tr', {}, ...header),
    ...rows.map(row),
  );
}
