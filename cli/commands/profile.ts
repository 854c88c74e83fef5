// profile.ts: `facet profile MODEL --task T`: where the time of a network goes, dispatch by dispatch, and how near each comes to
// what the device can do.

import { type Command, Option } from 'commander';
import sharp from 'sharp';
import {
  checkTask,
  chromeTrace,
  type CompileOptions,
  compileTask,
  deepdream,
  findLabel,
  type Graph,
  layersOf,
  type Model,
  ModelError,
  type Objective,
  parseObjective,
  type Plan,
  type Profile,
  profile,
  rooflinePlot,
  type Step,
  stepTitle,
  type TaskName,
  taskNames,
  type TaskOptions,
  type TaskProgram,
} from '../../src/index.ts';
import { Stopped, UsageError } from '../errors.ts';
import { checkOutputs, writeWhole } from '../files.ts';
import { checkSize } from '../inputs.ts';
import { heedInterrupt } from '../interrupt.ts';
import { openModel } from '../model.ts';
import { type ModelOptions, modelOptions, size, weightsOption, whole } from '../options.ts';
import { profileJson, profileText, type Timed } from '../profileReport.ts';
import { report, withDevice } from '../session.ts';
import { Progress } from '../terminal.ts';
import { choosers } from '../tuning.ts';

interface ProfileCommandOptions extends ModelOptions {
  readonly task: TaskName;
  readonly batch: number;
  readonly layer?: string;
  readonly objective?: string;
  readonly top: number;
  readonly buffers: boolean;
  readonly rounds: number;
  readonly trace?: string;
  readonly plot?: string;
  readonly source?: string;
  readonly weights: CompileOptions['weights'];
}

const AFTER = `
Times are of each dispatch alone, repeated until the clock resolves it: medians of several rounds. roof is the least time that
arithmetic and memory allow, as measured on this device, over the time taken; bound says which of them that least time comes
from, or overhead, where a dispatch that does nothing takes longer. With --json: steps[] (all of them, in order), totals[]
by kernel, roofline, replayMicros (a whole replay by the wall clock) against stepMicros (the sum), memory over the steps.
The roofline is measured in between, round by round: its best counts, and worst says how far other work took it down.

  facet profile net.onnx --task gradient --trace out.json --plot roofline.png
  facet profile net.onnx --source conv1          the final WGSL of the steps of that name; --source 12 of step 12
  facet profile net.onnx --task gradient --source "d conv1"    that of its gradient`;

export function addProfile(program: Command): void {
  modelOptions(program.command('profile <model>'))
    .description('time, FLOPs, bytes and share of the roofline of every dispatch')
    .addOption(
      new Option('--task <name>', 'the network forward, a gradient of it, or a step of a feature visualization')
        .choices(taskNames)
        .default('run'),
    )
    .option('--size <HxW>', 'of the picture, by default what the network was made for', size)
    .option('--batch <n>', 'pictures at once', whole(1, 4096), 1)
    .option('--layer <name>', 'run: as far as this layer; else: what this layer as a whole responds to')
    .option('--objective <text>', 'gradient, visualize: of what, as `facet visualize` takes it; by default "logit:0"')
    .addOption(weightsOption())
    .option('--top <n>', 'slowest steps listed, 0 for all', whole(0), 20)
    .option('--buffers', 'name the buffers that each listed step writes and reads', false)
    .option('--rounds <n>', 'how often each step is timed', whole(1, 1000), 5)
    .option('--trace <file>', 'write a trace for chrome://tracing or ui.perfetto.dev, with the memory over the steps')
    .option('--plot <file>', 'draw the roofline with the steps under it (.png or .svg)', plotName)
    .option('--source <step>', 'print the final WGSL of a step, by its name or number, in place of timing')
    .addHelpText('after', AFTER)
    .action((argument, _, command) => profileModel(argument, command.optsWithGlobals()));
}

function plotName(file: string): string {
  if (/\.(png|svg)$/i.test(file)) return file;
  throw new UsageError(`"${file}" does not end like a drawing. Name it .png or .svg.`);
}

async function profileModel(argument: string, options: ProfileCommandOptions): Promise<void> {
  const { task, trace, plot } = options;
  checkCombination(options);
  checkOutputs(trace, plot);
  const { model, labels } = await openModel(argument, options);
  checkSize(model, options.size);
  const settings = settingsOf(model, labels, options);
  checkTask(model, task, settings);
  checkOutputs(trace, plot); // once more: now it is known which files are read
  if (options.source !== undefined) return printSource(model, settings, options, options.source);

  const timed = await timeTask(model, settings, options);
  const files: string[] = [];
  if (trace !== undefined) files.push(writeWhole(trace, `${JSON.stringify(chromeTrace(timed.profile))}\n`));
  if (plot !== undefined) files.push(await writePlot(plot, timed.profile));
  report(
    options.json,
    () => profileJson(timed, { model: argument, task, batch: options.batch, weights: options.weights, files }),
    () => profileText(timed, { top: options.top, buffers: options.buffers, files }),
  );
  const { rounds } = timed.profile;
  if (rounds < options.rounds) {
    throw new Stopped(
      `stopped after ${rounds} of ${options.rounds} rounds; what was finished is ${files.length > 0 ? 'written' : 'shown'}.`,
    );
  }
}

/** Compiles a task and times its steps, with a progress bar. */
function timeTask(model: Model, settings: TaskOptions, options: ProfileCommandOptions): Promise<Timed> {
  const signal = heedInterrupt();
  const began = performance.now();
  return withDevice(options, async (device) => {
    let compiled: TaskProgram | undefined;
    let bar: Progress | undefined;
    const onProgress = (done: number, total: number): void => {
      bar ??= new Progress('profile', total);
      bar.update(done, 'rounds');
    };
    try {
      compiled = await compileTask(device, model, options.task, settings, signal);
      const start = performance.now();
      const found = await profile(compiled.program, { rounds: options.rounds, signal, keepRounds: true, onProgress });
      const spent = { compileMillis: start - began, profileMillis: performance.now() - start };
      return { profile: found, ...spent, choices: device.choices, chosenBy: choosers(device) };
    } catch (error) {
      throw error === signal.reason ? new Stopped('stopped before the end. Nothing is written.') : error;
    } finally {
      bar?.stop();
      compiled?.dispose();
    }
  });
}

function checkCombination({ task, layer, objective, source, trace, plot, json }: ProfileCommandOptions): void {
  if (objective !== undefined && task === 'run') {
    throw new UsageError('--objective means nothing to --task run. Use --task gradient or visualize, or leave it out.');
  }
  if (objective !== undefined && layer !== undefined) {
    throw new UsageError('--layer and --objective both say what the gradient is of. Give one of them.');
  }
  if (source !== undefined && (trace !== undefined || plot !== undefined || json)) {
    throw new UsageError(
      '--source prints the text of a shader and times nothing. Leave --trace, --plot and --json out.',
    );
  }
}

function settingsOf(model: Model, labels: readonly string[], options: ProfileCommandOptions): TaskOptions {
  const { task, size, batch, layer, weights } = options;
  if (layer !== undefined) checkLayer(model, layer);
  const objective = (): Objective | undefined => {
    if (layer !== undefined) return deepdream(layer);
    if (options.objective === undefined) return undefined;
    return parseObjective(options.objective, { classIndex: (name) => findLabel(labels, name, model.classes) });
  };
  return task === 'run' ? { size, batch, layer, weights } : { size, batch, objective: objective(), weights };
}

function checkLayer(model: Model, layer: string): void {
  try {
    model.layer(layer);
  } catch (error) {
    throw error instanceof ModelError ? new UsageError(error.message) : error;
  }
}

async function writePlot(file: string, found: Profile): Promise<string> {
  const svg = rooflinePlot(found, { ground: true });
  if (/\.svg$/i.test(file)) return writeWhole(file, svg);
  return writeWhole(file, await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer());
}

// --- source ------------------------------------------------------------------------------------------------------

async function printSource(
  model: Model,
  settings: TaskOptions,
  options: ProfileCommandOptions,
  wanted: string,
): Promise<void> {
  const sources = await withDevice(options, async (device) => {
    const { program, dispose } = await compileTask(device, model, options.task, settings);
    try {
      const { steps, plan } = program;
      const layers = layersOf(plan);
      return findSteps(plan, wanted).map((index) => sourceOf(steps[index], index, layers[index], plan.graph));
    } finally {
      dispose();
    }
  });
  report(
    false,
    () => ({}),
    () => sources.join('\n\n').trimEnd(),
  );
}

/** Places of the steps of that layer, else of the value of that name, else of that number. */
function findSteps(plan: Plan, wanted: string): number[] {
  const layers = layersOf(plan);
  const values = plan.steps.map(({ node }) => node.label);
  for (const names of [layers, values]) {
    const named = names.flatMap((name, k) => (name === wanted ? [k] : []));
    if (named.length > 0) return named;
  }
  if (/^\d+$/.test(wanted) && Number(wanted) < layers.length) return [Number(wanted)];
  const near = layers.find((layer) => layer.includes(wanted) || wanted.includes(layer));
  throw new UsageError(
    `there is no step "${wanted}". ${near ? `Did you mean "${near}"? ` : ''}Give a name as \`facet profile\` lists them, or a number in 0..${layers.length - 1}.`,
  );
}

function sourceOf(step: Step, index: number, label: string, graph: Graph): string {
  const { variant, kernel, workgroups, source } = step;
  const list = (values: Readonly<Record<string, number>> = {}): string =>
    Object.entries(values)
      .map(([name, value]) => `${name} = ${value}`)
      .join(', ') || 'none';
  return [
    `// step ${index}, "${label}": ${stepTitle(graph, step.planned.node)}`,
    `// shaders/${kernel.shader}.wgsl, variant ${variant}, ${workgroups.join(' x ')} workgroups`,
    `// uniforms: ${list(kernel.uniforms)}`,
    ...(Object.keys(kernel.overrides ?? {}).length > 0 ? [`// overrides: ${list(kernel.overrides)}`] : []),
    '',
    source,
  ].join('\n');
}
