// shapleyExample.ts: `facet shapley-example`: Shapley values by hand on a network of two inputs, beside other methods.

import type { Command } from 'commander';
import { type GameByHand, playByHand, showSet } from '../../src/index.ts';
import type { GlobalOptions } from '../options.ts';
import { report, withDevice } from '../session.ts';
import { table } from '../terminal.ts';

export function addShapleyExample(program: Command): void {
  program
    .command('shapley-example')
    .description('Shapley values by hand: sets, contributions and values of a network of two inputs')
    .option('--json', 'print one JSON object on standard output and nothing else there')
    .action((_, command) => shapleyExample(command.optsWithGlobals()));
}

async function shapleyExample(options: GlobalOptions & { readonly json?: boolean }): Promise<void> {
  const { game, adapter } = await withDevice(options, async (device) => ({
    game: await playByHand(device),
    adapter: device.adapter.name,
  }));
  report(
    options.json,
    () => ({ adapter, ...game }),
    () => `${describe(game)}\n\nComputed on ${adapter}.`,
  );
}

/** Four decimals are more than float32 needs here; zeros at the end go. */
const show = (value: number): string => String(Number(value.toFixed(4)));

function describe({ formula, sets, orders, values, gain, methods }: GameByHand): string {
  const names = values.map((_, i) => `C${i + 1}`);
  const right = names.map((_, i) => i + 1);
  const isShared = (sum: number): string => (show(sum) === show(gain) ? '' : `≠ ${show(gain)}`);
  return [
    `f(x1, x2) = ${formula} at (1, 1); an input that is absent is 0.`,
    table([['set S', 'f(S)'], ...sets.map(({ players, score }) => [showSet(players), show(score)])], [1]),
    table(
      [
        ['order', ...names],
        ...orders.map(({ order, contributions }) => [order.join(' then '), ...contributions.map(show)]),
        ['mean', ...values.map(show)],
      ],
      right,
    ),
    table(
      [
        ['method', ...names, 'sum', ''],
        ...methods.map(({ method, values, sum }) => [method, ...values.map(show), show(sum), isShared(sum)]),
      ],
      [...right, names.length + 1],
    ),
  ].join('\n\n');
}
