// tune.ts: `facet tune MODEL`: times the kernels that a network can use on this GPU, and keeps the fastest of each for all
// commands after it.

import { type Command, Option } from 'commander';
import {
  computationsOf,
  mergeTunings,
  type TaskName,
  taskNames,
  type TimedOp,
  tune,
  type VariantTiming,
} from '../../src/index.ts';
import { Stopped, UsageError } from '../errors.ts';
import { checkSize } from '../inputs.ts';
import { heedInterrupt } from '../interrupt.ts';
import { openModel } from '../model.ts';
import { type ModelOptions, modelOptions, positive, size, whole } from '../options.ts';
import { report, withDevice } from '../session.ts';
import { duration, grouped, Progress, table } from '../terminal.ts';
import { forgetTuning, saveTuning } from '../tuning.ts';

interface TuneOptions extends ModelOptions {
  readonly task?: TaskName;
  readonly budget: number;
  readonly batch: number;
  readonly forget?: boolean;
}

const AFTER = `
What is found is kept in the cache's folder, a file a GPU, and used by all commands from then on. Nothing else changes it: the
same command gives the same bytes until the next \`facet tune\`, which may change results within rounding.`;

export function addTune(program: Command): void {
  modelOptions(program.command('tune [model]'))
    .description('times the kernels a network can use on this GPU and keeps the fastest')
    .addOption(
      new Option('--task <name>', 'what the network is used for; by default all of these').choices([...taskNames]),
    )
    .option('--size <HxW>', 'of the pictures; by default what each task takes by itself', size)
    .option('--batch <n>', 'pictures at once', whole(1, 4096), 1)
    .option('--budget <seconds>', 'stop after about so long; what was not reached keeps its usual kernel', positive, 30)
    .option('--forget', 'remove what was kept for this GPU; takes no MODEL')
    .addHelpText('after', AFTER)
    .action((argument, _, command) => {
      const options: TuneOptions = command.optsWithGlobals();
      return options.forget ? forget(argument, options) : tuneModel(argument, options);
    });
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
      const file = signal.aborted ? undefined : saveTuning(device, mergeTunings(device.tuning, result.tuning));
      return { result, adapter: device.adapter.name, file };
    } finally {
      bar?.stop();
    }
  });
  if (file === undefined) throw new Stopped('stopped before the end; what was kept before is as it was.');
  const seconds = (performance.now() - start) / 1000;
  const { ops, untimed, tuning } = result;
  const changed = ops.filter(({ usual, chosen }) => usual !== chosen).length;
  const json = () => ({ model: argument, adapter, device: tuning.device, tasks, seconds, untimed, changed, ops, file });
  const text = () =>
    [
      ...(ops.length > 0 ? [tableOf(ops)] : []),
      `${ops.length} ${ops.length === 1 ? 'op' : 'ops'} with a choice timed in ${duration(1000 * seconds)} on ${adapter}` +
        `${untimed > 0 ? `, ${untimed} not reached: give a larger --budget` : ''}; ` +
        `${changed === 0 ? 'no kernel is clearly faster than the usual one' : `${changed} ${changed === 1 ? 'takes' : 'take'} another kernel than usual (*)`}`,
      `wrote ${file}`,
    ].join('\n');
  report(options.json, json, text);
}

const shown = ({ variant, micros }: VariantTiming): string =>
  `${variant} ${micros === undefined ? '-' : grouped(micros)}`;

function tableOf(ops: readonly TimedOp[]): string {
  const rows = ops.map(({ op, inputs, count, timings, usual, chosen }) => [
    op,
    inputs.map((shape) => `[${shape}]`).join(' '),
    String(count),
    timings.map(shown).join(', '),
    `${chosen}${chosen === usual ? '' : ' *'}`,
  ]);
  return table([['op', 'inputs', 'steps', 'microseconds by variant (- left out as slow)', 'chosen'], ...rows], [2]);
}
