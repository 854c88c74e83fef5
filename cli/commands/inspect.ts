// inspect.ts: `facet inspect MODEL`: what a network consists of. Needs no GPU.

import type { Command } from 'commander';
import {
  Graph,
  type LayerInfo,
  layerFields,
  type Model,
  OpError,
  type ReceptiveField,
  supportedOps,
} from '../../src/index.ts';
import { opDef } from '../../src/kernels/index.ts';
import { fileShape } from '../../src/models/onnx/layout.ts';
import { decodeModel, isOwnDomain } from '../../src/models/onnx/proto.ts';
import { CommandError } from '../errors.ts';
import { checkSize } from '../inputs.ts';
import { describePreprocess, openModel, readModel } from '../model.ts';
import { type ModelOptions, modelOptions, size } from '../options.ts';
import { report } from '../session.ts';
import { grouped, scaled, table } from '../terminal.ts';

export function addInspect(program: Command): void {
  modelOptions(program.command('inspect <model>'))
    .description('layers with shapes, receptive fields, parameters and FLOPs; operators supported and not')
    .option('--size <HxW>', 'size of the picture that shapes and FLOPs are for', size)
    .action((argument, _, command) => inspect(argument, command.optsWithGlobals()));
}

interface OpCount {
  readonly op: string;
  readonly count: number;
  readonly supported: boolean;
}

async function inspect(argument: string, options: ModelOptions): Promise<void> {
  const ops = await countOps(argument);
  const unsupported = ops.filter(({ supported }) => !supported);
  if (unsupported.length > 0) {
    // The list comes first, then the error that says where the operators stand.
    report(
      options.json,
      () => ({ model: argument, supported: false, ops }),
      () => opTable(ops),
    );
  }
  const { model, labels, labelSource } = await openModel(argument, options);
  checkSize(model, options.size);
  const { height, width } = model.input;
  const [H, W] = options.size ?? model.nominalSize;
  const layers = layersAt(model, [H, W]);
  const fields = layerFields(model, [H, W]);
  const flops = layers.reduce((sum, layer) => sum + layer.flops, 0);
  const json = () => ({
    model: argument,
    supported: true,
    producer: model.producer,
    opset: model.opset,
    input: model.input,
    size: [H, W],
    output: model.outputName,
    classes: model.classes,
    labels: { count: labels.length, source: labelSource },
    preprocess: model.preprocess,
    totals: { layers: layers.length, parameters: model.parameters, flops },
    ops,
    layers: layers.map((layer) => ({ ...layer, sees: fields.get(layer.name) })),
  });
  const text = () => {
    const rows = layers.map(({ name, op, shape, parameters, flops }) => [
      name,
      op,
      `[${shape}]`,
      fieldOf(fields.get(name)),
      parameters ? grouped(parameters) : '',
      flops ? scaled(flops) : '',
    ]);
    const shown = `${model.input.channels}x${height ?? H}x${width ?? W}`;
    return [
      table([['layer', 'op', 'shape', 'sees', 'parameters', 'FLOPs'], ...rows], [3, 4, 5]),
      '',
      `input       "${model.input.name}" ${shown}${height === undefined ? ' (any size)' : ''}`,
      `output      "${model.outputName}" ${model.classes} classes; labels from ${labelSource}`,
      `preprocess  ${describePreprocess(model.preprocess)}`,
      `total       ${layers.length} layers, ${grouped(model.parameters)} parameters, ${scaled(flops)}FLOPs a picture`,
      `operators   ${ops.map(({ op, count }) => `${op} ${count}`).join(', ')}: all supported`,
      `file        opset ${model.opset}${model.producer ? `, written by ${model.producer}` : ''}`,
    ].join('\n');
  };
  report(options.json, json, text);
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

async function countOps(argument: string): Promise<OpCount[]> {
  const { bytes, name } = await readModel(argument);
  const counts = new Map<string, number>();
  for (const { op, domain } of decodeModel(bytes, name).graph.nodes) {
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
      flops += opDef(node.op).cost(shapes, node.attrs, node.shape).flops;
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
