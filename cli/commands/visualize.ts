// visualize.ts: `facet visualize MODEL --objective "layer:channel"`: a picture that a part of the network responds to.

import { type Command, Option } from 'commander';
import {
  checkVisualization,
  findLabel,
  type Frame,
  parseObjective,
  renderVis,
  type Tensor,
  toPixels,
  type TransformPreset,
  transformPresets,
  Visualization,
  type VisualizationOptions,
} from '../../src/index.ts';
import { toFileLayout } from '../../src/models/onnx/layout.ts';
import { CommandError, Stopped, UsageError } from '../errors.ts';
import { checkOutputs, readBytes, withSuffix, writeWhole } from '../files.ts';
import { checkSize } from '../inputs.ts';
import { heedInterrupt } from '../interrupt.ts';
import { openModel } from '../model.ts';
import { decodeNpy, encodeNpy } from '../npy.ts';
import { type ModelOptions, modelOptions, onOff, positive, seedOption, size, steps, whole } from '../options.ts';
import { pictureName, writePicture } from '../pictures.ts';
import { report, withDevice } from '../session.ts';
import { duration, byteCount, Progress } from '../terminal.ts';

interface VisualizeOptions extends ModelOptions {
  readonly objective: string;
  readonly steps?: number;
  readonly thresholds?: number[];
  readonly preset: TransformPreset;
  readonly transforms?: TransformPreset;
  readonly batch: number;
  readonly param: 'fft' | 'pixel';
  readonly decorrelate: boolean;
  readonly lr: number;
  readonly output: string;
  readonly raw?: string;
}

const DEFAULT_STEPS = 512;

const AFTER = `
Objectives: "layer:channel", "layer:channel@x,y" (neuron; x counts rows), "layer" (DeepDream), "logit:K", "prob:K",
"direction:FILE.npy@layer"; joined by + - * and numbers, with tv, l1, l2, blur,
diversity(layer) and alignment(layer). Positions count in the layer as it is when the random transformations have added their border.
Names with spaces go in quotes: logit:'tiger cat'.

  facet visualize net.onnx --objective "inception_4c/output:447" --size 128 --output out.png
  facet visualize net.onnx --objective "logit:17" --preset none --param pixel --decorrelate off   (unregularized)`;

export function addVisualize(program: Command): void {
  const presets = Object.keys(transformPresets);
  const command = modelOptions(program.command('visualize <model>'))
    .description('a picture that a part of the network responds to, by gradient ascent')
    .requiredOption('--objective <text>', 'what the picture maximizes')
    .option('--size <HxW>', 'of the picture, by default 128, or what the network takes or was made for', size)
    .option('--steps <n>', `how many, by default ${DEFAULT_STEPS} or the last of the thresholds`, whole(0))
    .option('--thresholds <list>', 'also write the picture after so many steps, as FILE-STEP.png', steps)
    .addOption(
      new Option('--preset <name>', 'random transformations of the picture before each step')
        .choices(presets)
        .default('lucid'),
    )
    .addOption(new Option('--transforms <name>', 'the same, in place of those of --preset').choices(presets))
    .option('--batch <n>', 'pictures at once, shown as a grid', whole(1, 256), 1)
    .addOption(new Option('--param <kind>', 'what is optimized').choices(['fft', 'pixel']).default('fft'))
    .addOption(onOff('--decorrelate', 'optimize in decorrelated colours').default(true, 'on'))
    .option('--lr <number>', "Adam's learning rate", positive, 0.05)
    .option('--output <file>', 'the picture after the last step', pictureName, 'out.png')
    .option('--raw <file>', 'the last picture as .npy: RGB in 0..1, [N,C,H,W]')
    .addHelpText('after', AFTER)
    .action((argument, _, command) => visualize(argument, command.optsWithGlobals()));
  seedOption(command);
}

/** Steps at which a frame is taken, the last step being the last of them. */
function framesOf({ steps, thresholds = [] }: VisualizeOptions): { last: number; frames: number[] } {
  const last = steps ?? thresholds.at(-1) ?? DEFAULT_STEPS;
  const beyond = thresholds.find((step) => step > last);
  if (beyond !== undefined) throw new UsageError(`the threshold ${beyond} lies beyond --steps ${last}. Raise --steps.`);
  return { last, frames: [...new Set([...thresholds, last])] };
}

async function visualize(argument: string, options: VisualizeOptions): Promise<void> {
  const { last, frames: wanted } = framesOf(options);
  const { model, labels } = await openModel(argument, options);
  checkSize(model, options.size);
  const objective = parseObjective(options.objective, {
    classIndex: (text) => findLabel(labels, text, model.classes),
    readDirection,
  });
  const settings: VisualizationOptions = {
    size: options.size,
    batch: options.batch,
    seed: options.seed,
    param: { fft: options.param === 'fft', decorrelate: options.decorrelate },
    transforms: options.transforms ?? options.preset,
    learningRate: options.lr,
  };
  checkVisualization(model, objective, settings);
  checkOutputs(options.output, options.raw);

  const signal = heedInterrupt();
  const files: { step: number; file: string }[] = [];
  const start = performance.now();
  const result = await withDevice(options, async (device) => {
    const progress = new Progress('visualize', last);
    let run: Visualization | undefined;
    try {
      run = await Visualization.create(device, model, objective, { ...settings, signal }).catch((error) => {
        throw error === signal.reason ? new Stopped('stopped before the first step. Nothing is written.') : error;
      });
      const prepared = performance.now();
      const onProgress = (step: number) => progress.update(step, `${duration(run!.millisPerStep)} a step`);
      let frame: Frame | undefined;
      for await (frame of renderVis(run, { steps: last, thresholds: wanted, signal, onProgress })) {
        checkFinite(frame, options.lr);
        if (!options.thresholds?.includes(frame.step)) continue;
        const file = withSuffix(options.output, frame.step);
        files.push({ step: frame.step, file: await writePicture(file, toPixels(frame.data, frame.shape)) });
      }
      const seconds = (performance.now() - prepared) / 1000;
      const history = [...(await run.readHistory())];
      return { frame: frame!, history, seconds, compileSeconds: (prepared - start) / 1000, device };
    } finally {
      progress.stop();
      run?.dispose();
    }
  });

  const { frame, history, seconds, compileSeconds, device } = result;
  files.push({ step: frame.step, file: await writePicture(options.output, toPixels(frame.data, frame.shape)) });
  const raw =
    options.raw === undefined
      ? undefined
      : writeWhole(options.raw, encodeNpy(toFileLayout(frame.data, 'nhwc', frame.shape)));
  if (signal.aborted) {
    throw new Stopped(`stopped after step ${frame.step} of ${last}; ${options.output} is the picture so far.`);
  }
  const json = () => ({
    model: argument,
    adapter: device.adapter.name,
    seed: options.seed,
    size: frame.shape.slice(1, 3),
    batch: options.batch,
    steps: last,
    objective: { text: objective.text, first: history.at(0) ?? null, last: history.at(-1) ?? null, history },
    frames: files,
    output: options.output,
    ...(raw === undefined ? {} : { raw }),
    seconds,
    secondsPerStep: last === 0 ? 0 : seconds / last,
    compileSeconds,
    peakBytes: device.memory.peakBytes,
  });
  const text = () => {
    const value =
      history.length > 0 ? `: ${history[0].toPrecision(5)} -> ${history[history.length - 1].toPrecision(5)}` : '';
    return [
      `${objective.text}${value}`,
      `${last} steps in ${seconds.toFixed(1)} s (${duration(last === 0 ? 0 : (1000 * seconds) / last)} a step) after ${compileSeconds.toFixed(1)} s of preparation, ` +
        `on ${device.adapter.name}, at most ${byteCount(device.memory.peakBytes)}`,
      ...files.map(({ step, file }) => `wrote ${file} (step ${step})`),
      ...(raw === undefined ? [] : [`wrote ${raw}`]),
    ].join('\n');
  };
  report(options.json, json, text);
}

function readDirection(file: string): Tensor {
  const { data } = decodeNpy(readBytes('the direction', file), file);
  return { shape: [data.length], data };
}

function checkFinite({ data, step }: Frame, lr: number): void {
  if (data.every(Number.isFinite)) return;
  throw new CommandError(
    `the picture is no longer a number at step ${step}. Give a smaller --lr than ${lr}, or another objective.`,
  );
}
