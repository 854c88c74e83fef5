// inspect.ts: `facet inspect MODEL`: what a network consists of and what it will take. Needs no GPU, but for --self-test.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import {
  Graph,
  type LayerInfo,
  layerBlocks,
  layerFields,
  type MemoryReport,
  memoryReport,
  type Model,
  type NodeProblem,
  OpError,
  type ReceptiveField,
  type RunMemory,
  type SelfTest,
  type SelfTestResult,
  selfTest,
  storedSelfTest,
  supportedOps,
  UnsupportedModelError,
  zooSelfTest,
} from '../../src/index.ts';
import { costOfOp } from '../../src/kernels/references/index.ts';
import { fileShape } from '../../src/models/onnx/layout.ts';
import { decodeModel, isOwnDomain } from '../../src/models/onnx/proto.ts';
import { CommandError } from '../errors.ts';
import { readBytes } from '../files.ts';
import { checkSize } from '../inputs.ts';
import { describePreprocess, type ModelFile, type OpenModel, openModel, readModel } from '../model.ts';
import { type ModelOptions, modelOptions, size, whole } from '../options.ts';
import { report, withDevice } from '../session.ts';
import { byteCount, grouped, scaled, table } from '../terminal.ts';

interface InspectOptions extends ModelOptions {
  readonly batch: number;
  readonly selfTest?: boolean;
}

export function addInspect(program: Command): void {
  modelOptions(program.command('inspect <model>'))
    .description('layers by block, receptive fields, parameters, FLOPs, memory; nodes that are not supported, and why')
    .option('--size <HxW>', 'size of the picture that shapes, FLOPs and memory are for', size)
    .option('--batch <n>', 'count of pictures at once that memory is for', whole(1, 4096), 1)
    .option(
      '--self-test',
      'run the stored input, from the metadata or from test_data_set_N beside the file, and compare what comes out',
    )
    .addHelpText('after', FIELDS)
    .action((argument, _, command) => inspect(argument, command.optsWithGlobals()));
}

const FIELDS = `
With --json, in bytes: memory.weights, and for forward and gradient (null where there is none) planned (input and
intermediate values in shared buffers), unshared (one buffer each), buffers, dispatches. layers[].block is the title of
its block, layers[].sees the receptive field down and across, layers[].preRelu the layer before the activation.
selfTest.carried says whether the file carries one; after --self-test selfTest.results has source, agrees,
maxDifference (null where the network gives NaN), allowed. A network that cannot be opened has supported: false,
problems (node, op, domain, why) and reached, the layers that depend on none of them; the exit code is 1.`;

interface OpCount {
  readonly op: string;
  readonly count: number;
  readonly supported: boolean;
}

async function inspect(argument: string, options: InspectOptions): Promise<void> {
  const file = await readModel(argument);
  const ops = countOps(file);
  const opened = await open(argument, options, file, ops);
  const { model } = opened;
  checkSize(model, options.size);
  const size = options.size ?? model.nominalSize;
  const layers = layersAt(model, size);
  const memory = memoryReport(model, { size, batch: options.batch });
  const tests = options.selfTest ? await runSelfTests(argument, model, options) : undefined;
  const subject: Subject = { ...opened, argument, ops, size, layers, memory, tests, fields: layerFields(model, size) };
  report(
    options.json,
    () => json(subject),
    () => text(subject),
  );
  const failed = tests?.find(({ agrees }) => !agrees);
  if (failed) {
    throw new CommandError(
      `model "${model.name}" disagrees with ${failed.source}: a difference of ${failed.maxDifference.toPrecision(3)} where ` +
        `${failed.allowed.toPrecision(3)} is allowed. Download the file again; if that does not help, try --adapter software.`,
    );
  }
}

/** Opens the model. Of one that cannot be, lists what stands in the way before the error that says so. */
async function open(
  argument: string,
  options: ModelOptions,
  file: ModelFile,
  ops: readonly OpCount[],
): Promise<OpenModel> {
  try {
    return await openModel(argument, options, file);
  } catch (error) {
    if (error instanceof UnsupportedModelError) {
      const { problems, layers } = error;
      report(
        options.json,
        () => ({ model: argument, supported: false, ops, problems, reached: layers }),
        () => [opTable(ops), '', problemTable(problems), '', reachedLine(layers)].join('\n'),
      );
    }
    throw error;
  }
}

interface Subject extends OpenModel {
  readonly argument: string;
  readonly ops: readonly OpCount[];
  readonly size: readonly [number, number];
  readonly layers: readonly LayerInfo[];
  readonly fields: ReadonlyMap<string, ReceptiveField>;
  readonly memory: MemoryReport;
  readonly tests?: readonly SelfTestResult[];
}

const totalFlops = (layers: readonly LayerInfo[]): number => layers.reduce((sum, layer) => sum + layer.flops, 0);

function json({ model, labels, labelSource, argument, ops, size, layers, fields, memory, tests }: Subject): object {
  const blockOf = new Map(layerBlocks(layers).flatMap(({ title, layers }) => layers.map(({ name }) => [name, title])));
  return {
    model: argument,
    supported: true,
    producer: model.producer,
    opset: model.opset,
    input: model.input,
    size,
    output: model.outputName,
    classes: model.classes,
    labels: { count: labels.length, source: labelSource },
    preprocess: model.preprocess,
    totals: { layers: layers.length, parameters: model.parameters, flops: totalFlops(layers) },
    memory: { ...memory, gradient: memory.gradient ?? null },
    selfTest: { carried: storedSelfTest(model) !== undefined, ...(tests && { results: tests }) },
    ops,
    layers: layers.map((layer) => ({ ...layer, block: blockOf.get(layer.name), sees: fields.get(layer.name) })),
  };
}

function text({ model, labelSource, ops, size: [H, W], layers, fields, memory, tests }: Subject): string {
  const { channels, height } = model.input;
  const { batch, weights, forward, gradient } = memory;
  const pictures = batch === 1 ? 'a picture' : `${batch} pictures`;
  const carried = storedSelfTest(model);
  return [
    layerTable(layers, fields),
    '',
    `input       "${model.input.name}" ${channels}x${H}x${W}${height === undefined ? ' (any size)' : ''}`,
    `output      "${model.outputName}" ${model.classes} classes; labels from ${labelSource}`,
    `preprocess  ${describePreprocess(model.preprocess)}`,
    `total       ${layers.length} layers, ${grouped(model.parameters)} parameters, ${scaled(totalFlops(layers))}FLOPs a picture`,
    `memory      weights ${byteCount(weights)}`,
    `  forward   ${pictures}: ${memoryOf(forward)}`,
    `  gradient  ${gradient ? `${pictures}: ${memoryOf(gradient)}` : 'none: an operator of it has no gradient'}`,
    `operators   ${ops.map(({ op, count }) => `${op} ${count}`).join(', ')}: all supported`,
    `file        opset ${model.opset}${model.producer ? `, written by ${model.producer}` : ''}`,
    ...(carried && !tests ? ['self-test   carried by the file: --self-test runs it'] : []),
    ...(tests ?? []).map((test) => `self-test   ${verdict(test)}`),
  ].join('\n');
}

const memoryOf = ({ planned, unshared, buffers, dispatches }: RunMemory): string =>
  `${byteCount(planned)} in ${buffers} shared buffers (${byteCount(unshared)} with one each), ${dispatches} dispatches`;

const verdict = ({ source, agrees, maxDifference, allowed }: SelfTestResult): string =>
  `${agrees ? 'agrees' : 'DISAGREES'} with ${source}: largest difference ${maxDifference.toPrecision(3)}, ` +
  `allowed ${allowed.toPrecision(3)}`;

function layerTable(layers: readonly LayerInfo[], fields: ReadonlyMap<string, ReceptiveField>): string {
  const header = ['layer', 'op', 'shape', 'sees', 'parameters', 'FLOPs', 'pre-relu'];
  const rows = layerBlocks(layers).flatMap(({ title, layers }) => [
    header.map((_, column) => (column === 0 ? title : '')),
    ...layers.map(({ name, op, shape, parameters, flops, preRelu }) => [
      `  ${name}`,
      op,
      `[${shape}]`,
      fieldOf(fields.get(name)),
      parameters ? grouped(parameters) : '',
      flops ? scaled(flops) : '',
      preRelu ?? '',
    ]),
  ]);
  return table([header, ...rows], [3, 4, 5]);
}

/** The pixels that a position sees, `all` where every one sees all; empty where there is no regular field. */
function fieldOf(field?: ReceptiveField): string {
  if (!field) return '';
  return field.every(({ stride }) => stride === 0) ? 'all' : field.map(({ size }) => size).join('x');
}

const opTable = (ops: readonly OpCount[]): string =>
  table(
    [
      ['operator', 'count', ''],
      ...ops.map(({ op, count, supported }) => [op, String(count), supported ? 'supported' : 'NOT SUPPORTED']),
    ],
    [1],
  );

const problemTable = (problems: readonly NodeProblem[]): string =>
  table([
    ['node', 'op', 'why it cannot be computed'],
    ...problems.map(({ node, op, domain, why }) => [node, isOwnDomain(domain) ? op : `${domain}.${op}`, why]),
  ]);

const reachedLine = (layers: readonly string[]): string =>
  layers.length === 0
    ? 'no layer can be computed without these nodes'
    : `${layers.length} ${layers.length === 1 ? 'layer depends' : 'layers depend'} on none of these nodes; the last is "${layers[layers.length - 1]}"`;

function countOps({ bytes, name, external }: ModelFile): OpCount[] {
  const counts = new Map<string, number>();
  for (const { op, domain } of decodeModel(bytes, name, external).graph.nodes) {
    const title = isOwnDomain(domain) ? op : `${domain}.${op}`;
    counts.set(title, (counts.get(title) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([op, count]) => ({ op, count, supported: supportedOps.includes(op) }));
}

/** The layers with the shapes and FLOPs they have at a size. */
function layersAt(model: Model, [H, W]: readonly [number, number]): readonly LayerInfo[] {
  if (H === model.nominalSize[0] && W === model.nominalSize[1]) return model.layers;
  const graph = new Graph();
  const trace = atSize(model, graph, [H, W]);
  let from = 0;
  return model.layers.map((layer) => {
    const value = trace.layer(layer.name);
    let flops = 0;
    // A layer's nodes are those since the layer before it.
    for (; from <= value.id; from++) {
      const node = graph.nodes[from];
      if (node.kind !== 'op') continue;
      const shapes = node.inputs.map((id) => graph.nodes[id].shape);
      flops += costOfOp(node.op)(shapes, node.attrs, node.shape).flops;
    }
    return { ...layer, shape: fileShape(value.shape, trace.layoutOf(layer.name)).slice(1), flops };
  });
}

function atSize(model: Model, graph: Graph, [H, W]: readonly [number, number]) {
  try {
    return model.trace(graph.input(model.input.name, [1, H, W, model.input.channels]));
  } catch (error) {
    if (error instanceof OpError)
      throw new CommandError(`model "${model.name}" does not fit ${H}x${W}: ${error.message}`);
    throw error;
  }
}

/** The self-tests there are: that of the metadata, and those in folders beside the file as the ONNX model zoo has them. */
function selfTestsOf(argument: string, model: Model): SelfTest[] {
  const stored = storedSelfTest(model);
  const tests = stored ? [stored] : [];
  for (let n = 0; existsSync(argument); n++) {
    const folder = path.join(path.dirname(argument), `test_data_set_${n}`);
    const [input, output] = ['input_0.pb', 'output_0.pb'].map((file) => path.join(folder, file));
    if (!existsSync(input) || !existsSync(output)) break;
    tests.push(
      zooSelfTest(model, folder, readBytes('the stored input', input), readBytes('the stored output', output)),
    );
  }
  if (tests.length > 0) return tests;
  throw new CommandError(
    `model "${model.name}" carries no self-test, and there is no test_data_set_0 with input_0.pb and output_0.pb beside ` +
      'it. Leave --self-test out.',
  );
}

async function runSelfTests(argument: string, model: Model, options: ModelOptions): Promise<SelfTestResult[]> {
  const tests = selfTestsOf(argument, model);
  return withDevice(options, async (device) => {
    const results: SelfTestResult[] = [];
    for (const test of tests) results.push((await selfTest(device, model, test)) as SelfTestResult);
    return results;
  });
}
