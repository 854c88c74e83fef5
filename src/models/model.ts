// model.ts: a network that was opened: what goes in, what comes out, its layers, and the way into a graph.
// Bytes come from the caller; no file and no GPU is touched here.

import { Graph, type OpNode, type Tensor, type Value } from '../engine/graph.ts';
import { reshape } from '../engine/ops/index.ts';
import { costOfOp } from '../kernels/references/index.ts';
import { sizeOf } from '../kernels/shape.ts';
import type { Shape } from '../kernels/types.ts';
import { ModelError, nearest, quoted, UnknownPartError, UnsupportedModelError } from './error.ts';
import { fitLabels, labelsFromMetadata } from './labels.ts';
import { nodeTitle, type Parameter, type TraceState } from './onnx/context.ts';
import { isSupported, neededFor, type Problem, traceNodes, type TracedNode } from './onnx/convert.ts';
import type { ExternalReader } from './onnx/external.ts';
import { describeInput, type ModelInput, nominalSizeOf } from './onnx/input.ts';
import type { Layout } from './onnx/layout.ts';
import { Budget } from './onnx/limits.ts';
import { Fixed, type Operand, TensorCache, Traced } from './onnx/operand.ts';
import { decodeModel, type OnnxModel, type OnnxNode } from './onnx/proto.ts';
import { withWeights } from './onnx/weights.ts';
import { guessPreprocess } from './guess.ts';
import { checkPreprocess, type Preprocess } from './preprocess.ts';

export interface LayerInfo {
  /** Name of the node's output in the file: what people call the layer. */
  readonly name: string;
  readonly op: string;
  /** As in the file, without the batch ([C,H,W], [features]), at the model's nominal size. */
  readonly shape: Shape;
  /** Count of learned numbers. */
  readonly parameters: number;
  /** Names of the weights in the file. */
  readonly weights: readonly string[];
  /** For one picture of the nominal size; a multiply-add counts as 2. */
  readonly flops: number;
  /** For an activation function: the layer that it is applied to. */
  readonly preRelu?: string;
}

export interface TraceOptions {
  /** `state` makes every weight a state of the graph, for training; by default they are constants. */
  readonly parameters?: 'constant' | 'state';
  /** Trace only what these layers need. `output` is then the last of them. */
  readonly until?: string | readonly string[];
  /**
   * Called with every layer's value as it is traced; what it returns, of the same shape, stands in its place for all
   * layers behind. The way to begin at a layer, to silence channels, or to follow a path between two activations.
   */
  readonly intervene?: (layer: string, value: Value) => Value;
}

export interface Trace {
  /** Logits [N, classes] (what the last softmax takes in, where the file ends in one), or the last layer of `until`. */
  readonly output: Value;
  /** The value of a layer, by the name of its output or of its node. */
  layer(name: string): Value;
  readonly layers: ReadonlyMap<string, Value>;
  /** How the value of a layer lies against the file: see `toFileLayout`. */
  layoutOf(name: string): Layout;
  /** Weights in the graph, by their name in the file. */
  readonly parameters: ReadonlyMap<string, Parameter>;
}

export interface ModelOptions {
  /** How errors and listings call it. */
  readonly name?: string;
  readonly preprocess?: Preprocess;
  readonly labels?: readonly string[];
  /** Reads the files beside the model's that hold its numbers, where it has such (external data). */
  readonly external?: ExternalReader;
}

const ACTIVATIONS = new Set('Relu Clip LeakyRelu PRelu Elu Selu Celu Sigmoid Tanh HardSwish Mish Gelu'.split(' '));
const SOFTMAXES = new Set(['Softmax', 'LogSoftmax']);

export class Model {
  readonly name: string;
  readonly input: ModelInput;
  /** [height, width] that the network was made for. */
  readonly nominalSize: readonly [number, number];
  readonly preprocess: Preprocess;
  /** Names of the classes in the order of the outputs; empty where they are unknown. */
  readonly labels: readonly string[];
  readonly layers: readonly LayerInfo[];
  /** Name of the file's output. */
  readonly outputName: string;
  /** Count of outputs for one picture. */
  readonly classes: number;
  /** Count of all learned numbers. */
  readonly parameters: number;
  readonly producer: string;
  readonly opset: number;
  readonly metadata: ReadonlyMap<string, string>;

  private readonly nodes: readonly OnnxNode[];
  private readonly initializers: ReadonlyMap<string, Fixed>;
  private readonly tensors = new TensorCache();
  private readonly aliases: ReadonlyMap<string, string>;
  /** The layer whose value are the logits. */
  private readonly logitsName: string;

  constructor(
    private readonly file: OnnxModel,
    private readonly options: ModelOptions,
  ) {
    const { graph } = file;
    this.name = options.name ?? 'model';
    this.producer = file.producer;
    this.opset = file.opset;
    this.metadata = file.metadata;
    this.initializers = this.within(() => readInitializers(file));
    this.input = this.within(() => describeInput(graph));
    this.nominalSize = nominalSizeOf(file.metadata, this.input);
    const output = graph.outputs[0]?.name;
    if (!output) throw this.error('names no output. Export it again with the logits as output.');
    this.outputName = output;
    this.nodes = neededFor(graph, [output]);
    this.aliases = nodeAliases(this.nodes);
    this.logitsName = this.findLogits();
    const { layers, classes, parameters } = this.survey();
    this.layers = layers;
    this.classes = classes;
    this.parameters = parameters;
    this.preprocess = options.preprocess ?? this.within(() => guessPreprocess(file, this.input, this.nodes, classes));
    this.labels = this.within(() => fitLabels(options.labels ?? labelsFromMetadata(file.metadata), classes));
  }

  /** Traces the network into the graph of x: [N,H,W,C], already preprocessed. */
  trace(x: Value, { parameters = 'constant', until, intervene }: TraceOptions = {}): Trace {
    this.checkInput(x.shape);
    const goals = until === undefined ? [] : typeof until === 'string' ? [until] : until;
    const wanted = goals.map((name) => this.resolve(name));
    const nodes = wanted.length ? neededFor(this.file.graph, wanted) : this.nodes;
    const state = { ...this.newState(x, parameters === 'state'), intervene };
    const values = this.startingValues(x);
    this.withinSize(x.shape, () => traceNodes(nodes, values, state));
    const traced = (name: string): Traced => {
      const operand = values.get(this.resolve(name));
      if (operand instanceof Traced) return operand;
      throw this.error(`was traced only up to ${quoted(goals)}, so "${name}" has no value. Add it to \`until\`.`);
    };
    const layers = new Map<string, Value>();
    for (const { name } of this.layers) {
      const operand = values.get(name);
      if (operand instanceof Traced) layers.set(name, operand.value);
    }
    return {
      output: wanted.length ? traced(wanted[wanted.length - 1]).value : this.logits(traced(this.logitsName)),
      layer: (name) => traced(name).value,
      layers,
      layoutOf: (name) => traced(name).layout,
      parameters: state.parameters,
    };
  }

  /** The same network with its pictures prepared in another way. Throws where that does not fit its channels. */
  withPreprocess(preprocess: Preprocess): Model {
    this.within(() => checkPreprocess(preprocess, this.input.channels));
    return new Model(this.file, { ...this.options, preprocess });
  }

  /** The same network with other numbers for some weights, by their names and in the layout of the file. */
  withWeights(weights: ReadonlyMap<string, Tensor>): Model {
    const graph = this.within(() => withWeights(this.file.graph, weights));
    return new Model({ ...this.file, graph }, this.options);
  }

  /** The layer that people mean by a name: that of its output, or of its node where only one makes it. */
  resolve(name: string): string {
    if (this.layers.some((layer) => layer.name === name) || name === this.input.name) return name;
    const alias = this.aliases.get(name);
    if (alias) return alias;
    const near = nearest(
      name,
      this.layers.map((layer) => layer.name),
    );
    throw this.unknown(`has no layer "${name}". The nearest names are ${quoted(near)}; \`facet inspect\` lists all.`);
  }

  layer(name: string): LayerInfo {
    const resolved = this.resolve(name);
    const info = this.layers.find((layer) => layer.name === resolved);
    if (!info) throw this.unknown(`has "${name}" as its input, which is no layer. \`facet inspect\` lists the layers.`);
    return info;
  }

  /** Throws unless the layer has this channel. */
  checkChannel(name: string, channel: number): void {
    const { shape, name: resolved } = this.layer(name);
    const count = shape[0] ?? 1;
    if (Number.isInteger(channel) && channel >= 0 && channel < count) return;
    throw this.unknown(
      `has ${count} channels at "${resolved}", so channel ${channel} is none of them. Give one in 0..${count - 1}.`,
    );
  }

  /** A weight as it is in the file, by its name there. */
  weight(name: string): Tensor {
    const fixed = this.initializers.get(name);
    if (!fixed) {
      const near = nearest(name, this.initializers.keys());
      throw this.unknown(`has no weight "${name}". The nearest names are ${quoted(near)}.`);
    }
    return { shape: fixed.shape, data: Float32Array.from(fixed.data) };
  }

  private error(what: string): ModelError {
    return new ModelError(`model "${this.name}" ${what}`);
  }

  private unknown(what: string): UnknownPartError {
    return new UnknownPartError(this.error(what).message);
  }

  /** Runs f; what it says of a part is said of this model. */
  private within<T>(f: () => T): T {
    try {
      return f();
    } catch (error) {
      if (error instanceof ModelError) throw new ModelError(`model "${this.name}": ${error.message}`);
      throw error;
    }
  }

  /** The same while pictures of this shape are traced: what fits at the nominal size may be too small or large at another. */
  private withinSize<T>([, H, W]: Shape, f: () => T): T {
    const [height, width] = this.nominalSize;
    try {
      return f();
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      const where = H === height && W === width ? ':' : ` does not take pictures of ${H}x${W}:`;
      throw new ModelError(`model "${this.name}"${where} ${error.message}`);
    }
  }

  private checkInput(shape: Shape): void {
    const { channels, height, width } = this.input;
    const [, H, W, C] = shape;
    if (shape.length === 4 && C === channels && (height ?? H) === H && (width ?? W) === W && sizeOf(shape) > 0) return;
    throw this.error(
      `takes [N,${height ?? 'H'},${width ?? 'W'},${channels}] and is given [${shape.join(',')}]. ` +
        'Preprocess the picture for this model at its size.',
    );
  }

  private newState(x: Value, trainable: boolean): TraceState {
    return {
      graph: x.graph,
      opset: this.file.opset,
      tensors: this.tensors,
      fileBatch: this.input.batch,
      batch: x.shape[0],
      budget: new Budget([...this.initializers.values()].reduce((sum, { size }) => sum + size, 0)),
      trainable,
      constants: new Map(),
      parameters: new Map(),
    };
  }

  private startingValues(x: Value): Map<string, Operand> {
    const values = new Map<string, Operand>(this.initializers);
    return values.set(this.input.name, new Traced(x, this.input.channelsLast ? 'plain' : 'nhwc'));
  }

  /** Traces once at the nominal size, to list the layers, or all that stands in the way. */
  private survey(): { layers: LayerInfo[]; classes: number; parameters: number } {
    const [H, W] = this.nominalSize;
    const graph = new Graph();
    const x = graph.input(this.input.name, [1, H, W, this.input.channels]);
    const values = this.startingValues(x);
    const problems: Problem[] = [];
    const traced = traceNodes(this.nodes, values, this.newState(x, false), problems);
    const layers = traced.flatMap((node) => layerInfo(node, graph, values));
    if (problems.length) {
      throw new UnsupportedModelError(
        this.error(describeProblems(problems)).message,
        this.name,
        problems.map(({ node, why }) => ({ node: nodeTitle(node), op: node.op, domain: node.domain, why })),
        layers.map(({ name }) => name),
      );
    }
    const logits = values.get(this.logitsName);
    if (!(logits instanceof Traced))
      throw this.error(`has an output, "${this.outputName}", that does not depend on its input.`);
    // By name, as layers may share a weight; not all are the file's own, some are widened from quantized ones.
    const owned = new Map(traced.flatMap(({ weights }) => [...weights]));
    const parameters = [...owned.values()].reduce((sum, count) => sum + count, 0);
    return { layers, classes: sizeOf(logits.shape.slice(1)), parameters };
  }

  private findLogits(): string {
    const last = this.nodes.find(({ outputs }) => outputs.includes(this.outputName));
    return last && SOFTMAXES.has(last.op) && isSupported(last) ? last.inputs[0] : this.outputName;
  }

  /** [N, classes]; networks that end in a 1x1 map lose its axes. */
  private logits({ value, shape }: Traced): Value {
    const isPoint = shape.length > 2 && shape.slice(2).every((d) => d === 1);
    return isPoint ? reshape(value, [shape[0], shape[1]]) : value;
  }
}

/** Opens an ONNX file. Throws a `ModelError` that says in one sentence what is wrong and what to do. */
export function parseModel(bytes: Uint8Array, options: ModelOptions = {}): Model {
  return new Model(decodeModel(bytes, options.name ?? 'model', options.external), options);
}

/** Operators whose result is no number where a weight is infinite. */
const MULTIPLYING = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'BatchNormalization']);

function readInitializers({ graph }: OnnxModel): Map<string, Fixed> {
  const multiplied = new Set(graph.nodes.flatMap(({ op, inputs }) => (MULTIPLYING.has(op) ? inputs : [])));
  const fixed = new Map<string, Fixed>();
  for (const [name, tensor] of graph.initializers) {
    tensor.check();
    if (multiplied.has(name)) tensor.checkFinite();
    fixed.set(name, new Fixed(name, tensor.shape, tensor.isInteger, true, () => tensor.data, tensor.type));
  }
  return fixed;
}

/** Names of nodes as other names of their first output, where they are unique. */
function nodeAliases(nodes: readonly OnnxNode[]): Map<string, string> {
  const counts = new Map<string, number>();
  for (const { name } of nodes) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(
    nodes.filter(({ name }) => name && counts.get(name) === 1).map(({ name, outputs }) => [name, outputs[0]]),
  );
}

function layerInfo(
  { node, outputs, ids, weights }: TracedNode,
  graph: Graph,
  values: ReadonlyMap<string, Operand>,
): LayerInfo[] {
  let flops = 0;
  for (const each of graph.nodes.slice(...ids)) if (each.kind === 'op') flops += flopsOf(each, graph);
  const before = values.get(node.inputs[0]);
  return outputs.flatMap((output, i): LayerInfo[] => {
    const name = node.outputs[i];
    if (!(output instanceof Traced) || !name) return [];
    const isFirst = i === 0; // what the node costs is counted once
    return [
      {
        name,
        op: node.op,
        shape: output.shape.slice(1),
        parameters: isFirst ? [...weights.values()].reduce((sum, count) => sum + count, 0) : 0,
        weights: isFirst ? [...weights.keys()] : [],
        flops: isFirst ? flops : 0,
        preRelu: ACTIVATIONS.has(node.op) && before instanceof Traced ? node.inputs[0] : undefined,
      },
    ];
  });
}

function flopsOf({ op, inputs, attrs, shape }: OpNode, graph: Graph): number {
  const shapes = inputs.map((id) => graph.nodes[id].shape);
  return costOfOp(op)(shapes, attrs, shape).flops;
}

/** So many names are listed of the nodes of one operator, and so many operators and nodes in all. */
const LISTED = 3;

/** What stands in the way, by operator: `GridSample at "a", "b"; Conv at "c" (…)`. */
function describeProblems(problems: readonly Problem[]): string {
  const unknown = new Map<string, string[]>();
  const other: string[] = [];
  for (const { node, why } of problems) {
    if (isSupported(node)) other.push(`${node.op} at "${nodeTitle(node)}" ${why.replace(/\.$/, '')}`);
    else {
      const op = node.domain && node.domain !== 'ai.onnx' ? `${node.domain}.${node.op}` : node.op;
      const names = unknown.get(op);
      if (names) names.push(nodeTitle(node));
      else unknown.set(op, [nodeTitle(node)]);
    }
  }
  const rest = (count: number): string => (count > LISTED ? ` and ${count - LISTED} more` : '');
  const missing = [...unknown].map(
    ([op, names]) => `${op} at ${quoted(names.slice(0, LISTED))}${rest(names.length)} is not supported`,
  );
  const list = [...missing, ...other];
  return (
    `cannot be opened: ${list.slice(0, LISTED).join('; ')}${rest(list.length)}. ` +
    'Export the network without these nodes, or up to the layer before them.'
  );
}
