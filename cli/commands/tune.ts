// tune.ts: `facet tune MODEL`: times the kernels that a network can use on this GPU, and keeps the fastest of each for all
// commands after it.

import { type Command, Option } from 'commander';
import {
  computationsOf,
  knownChoices,
  knownWith,
  mergeTunings,
  type TaskName,
  taskNames,
  type TimedOp,
  tune,
  type TuneReport,
  type VariantTiming,
} from '../../src/index.ts';
import { checkCache } from '../cache.ts';
import { CommandError, Stopped, UsageError } from '../errors.ts';
import { readText, replaceWhole } from '../files.ts';
import { checkSize } from '../inputs.ts';
import { heedInterrupt } from '../interrupt.ts';
import { openModel } from '../model.ts';
import { type ModelOptions, modelOptions, positive, size, whole } from '../options.ts';
import { report, withDevice } from '../session.ts';
import { duration, grouped, Progress, table } from '../terminal.ts';
import { forgetTuning, knownText, saveTuning } from '../tuning.ts';

interface TuneOptions extends ModelOptions {
  readonly task?: TaskName;
  readonly budget: number;
  readonly batch: number;
  readonly forget?: boolean;
  readonly known?: string;
}

const AFTER = `
What is found is kept in the cache's folder, a file a GPU, and used by all commands from then on. Nothing else changes it: the
same command gives the same bytes until the next \`facet tune\`, which may change results within rounding. Ctrl-C keeps what is
decided by then.`;

export function addTune(program: Command): void {
  modelOptions(program.command('tune [model]'))
    .description('times the kernels a network can use on this GPU and keeps the fastest')
    .addOption(
      new Option('--task <name>', 'what the network is used for; by default all of these').choices([...taskNames]),
    )
    .option('--size <HxW>', 'of the pictures; by default what each task takes by itself', size)
    .option('--batch <n>', 'pictures at once', whole(1, 4096), 1)
    .option(
      '--budget <seconds>',
      'stop after so long; what is not decided by then keeps its usual kernel',
      positive,
      30,
    )
    .option('--forget', 'remove what was kept for this GPU; takes no MODEL')
    .option('--known <file>', 'for developers: put what is kept for this GPU into tuning_known.ts; takes no MODEL')
    .addHelpText('after', AFTER)
    .action((argument, _, command) => {
      const options: TuneOptions = command.optsWithGlobals();
      if (options.forget) return forget(argument, options);
      return options.known === undefined ? tuneModel(argument, options) : makeKnown(argument, options, options.known);
    });
}

/** Makes choices for all GPUs of this architecture of what was measured on this one. */
async function makeKnown(argument: string | undefined, options: TuneOptions, file: string): Promise<void> {
  if (argument !== undefined) throw new UsageError('--known takes no MODEL: it takes what is kept. Leave it out.');
  const [head, ...rest] = readText('the known choices', file).split(/^(?=export const knownChoices\b)/m);
  if (rest.length !== 1) throw new UsageError(`"${file}" has no knownChoices. Name src/engine/tuning_known.ts.`);
  const { adapter, tuning } = await withDevice(options, async ({ adapter, tuning }) => ({ adapter, tuning }));
  if (!tuning) throw new CommandError(`nothing is kept for ${adapter.name}. Run \`facet tune MODEL\` first.`);
  const known = knownWith(knownChoices, adapter.architecture, tuning);
  replaceWhole(file, knownText(head, known));
  const mine = known.find(({ architecture }) => architecture === adapter.architecture)?.variants ?? {};
  const { length } = Object.keys(mine);
  report(
    options.json,
    () => ({ adapter: adapter.name, architecture: adapter.architecture, variants: mine, file }),
    () => `wrote ${length} ${length === 1 ? 'choice' : 'choices'} for ${adapter.architecture} into ${file}`,
  );
}

async function forget(argument: string | undefined, options: TuneOptions): Promise<void> {
  if (argument !== undefined)
    throw new UsageError('--forget takes no MODEL: what is kept belongs to a GPU. Leave it out.');
  const { file, adapter } = await withDevice(options, async (device) => ({
    file: forgetTuning(device),
    adapter: device.adapter.name,
  }));
  report(
    options.json,
    () => ({ adapter, removed: file ?? null }),
    () => (file === undefined ? `nothing was kept for ${adapter}` : `removed ${file}`),
  );
}

async function tuneModel(argument: string | undefined, options: TuneOptions): Promise<void> {
  if (argument === undefined) throw new UsageError('name the MODEL whose kernels are to be timed, or give --forget.');
  checkCache();
  const { model } = await openModel(argument, options);
  checkSize(model, options.size);
  const tasks = options.task ? [options.task] : taskNames;
  const { size, batch } = options;
  const computations = tasks.flatMap((task) => computationsOf(model, task, { size, batch }));
  const signal = heedInterrupt();
  const start = performance.now();
  const { result, adapter, file } = await withDevice(options, async (device) => {
    let bar: Progress | undefined;
    try {
      const result = await tune(device, computations, {
        budgetMillis: 1000 * options.budget,
        signal,
        progress(done, total, { op, inputs }) {
          bar ??= new Progress('tune', total);
          bar.update(done, `${op} ${inputs.map((shape) => `[${shape}]`).join(' ')}`);
        },
      });
      const isWorthKeeping = !signal.aborted || Object.keys(result.tuning.ops).length > 0;
      const file = isWorthKeeping ? saveTuning(device, mergeTunings(device.tuning, result.tuning)) : undefined;
      return { result, adapter: device.adapter.name, file };
    } finally {
      bar?.stop();
    }
  });
  const seconds = (performance.now() - start) / 1000;
  const { ops, untimed, tuning } = result;
  const isStopped = signal.aborted && untimed > 0;
  const undecided = ops.filter(({ isDecided }) => !isDecided).length;
  const changed = ops.filter(({ usual, chosen }) => usual !== chosen).length;
  const found = { seconds, stopped: isStopped, untimed, undecided, changed, ops, file: file ?? null };
  if (file !== undefined || options.json) {
    report(
      options.json,
      () => ({ model: argument, adapter, device: tuning.device, tasks, ...found }),
      () =>
        [...(ops.length > 0 ? [tableOf(ops)] : []), summaryOf(result, seconds, adapter), `wrote ${file}`].join('\n'),
    );
  }
  if (!isStopped) return;
  const kept = file === undefined ? 'Nothing is written' : 'What was decided is kept';
  throw new Stopped(`stopped after ${ops.length} of ${ops.length + untimed} ops. ${kept}.`);
}

function summaryOf({ ops, untimed }: TuneReport, seconds: number, adapter: string): string {
  const undecided = ops.filter(({ isDecided }) => !isDecided).length;
  const changed = ops.filter(({ usual, chosen }) => usual !== chosen).length;
  const missing = [
    ...(untimed > 0 ? [`${untimed} not reached`] : []),
    ...(undecided > 0 ? [`${undecided} undecided (?), which keep the usual kernel`] : []),
  ];
  return [
    `${ops.length} ${ops.length === 1 ? 'op' : 'ops'} with a choice timed in ${duration(1000 * seconds)} on ${adapter}`,
    ...(missing.length > 0
      ? [`${missing.join(' and ')}: give a larger --budget${undecided > 0 ? ', or an idle machine' : ''}`]
      : []),
    changed === 0
      ? 'no kernel is clearly faster than the usual one'
      : `${changed} ${changed === 1 ? 'takes' : 'take'} another kernel than usual (*)`,
  ].join('; ');
}

const shown = ({ variant, micros }: VariantTiming): string =>
  `${variant} ${micros === undefined ? '-' : grouped(micros)}`;

function tableOf(ops: readonly TimedOp[]): string {
  const rows = ops.map(({ op, inputs, count, timings, usual, chosen, isDecided }) => [
    op,
    inputs.map((shape) => `[${shape}]`).join(' '),
    String(count),
    timings.map(shown).join(', '),
    `${chosen}${isDecided ? '' : ' ?'}${chosen === usual ? '' : ' *'}`,
  ]);
  return table([['op', 'inputs', 'steps', 'microseconds by variant (- not run)', 'chosen'], ...rows], [2]);
}
