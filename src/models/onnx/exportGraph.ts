// exportGraph.ts: a computation of the engine as an ONNX file: which of its nodes are written, under which names, with
// which sizes left open. What each op becomes is a row of exportOps.ts, layers of several ops are those of exportLayers.ts.

import { type Computation, type Node, type OpNode, rootsOf, type StateNode, type Value } from '../../engine/graph.ts';
import type { OpName } from '../../kernels/index.ts';
import { showShape, sizeOf } from '../../kernels/shape.ts';
import { OpError, type Shape } from '../../kernels/types.ts';
import { ModelError } from '../error.ts';
import { encodeModel, type ExportValue } from './export.ts';
import { ExportFile, isFlattened, type Naming, NCHW, plainOrder } from './exportFile.ts';
import { layers } from './exportLayers.ts';
import { exporterOf, isExportable } from './exportOps.ts';
import type { LayerPlan, View } from './exportView.ts';
import { type Obstacle, type Open, Sizes, sizesOf } from './exportSizes.ts';
import { permuteShape } from './layout.ts';

export interface ExportOptions {
  /** How the file and errors call the network. */
  readonly name?: string;
  /** Whether the file takes any number of pictures, or as many as were traced. By default `auto`: as the graph permits. */
  readonly batch?: 'open' | 'fixed' | 'auto';
  /** Whether it takes pictures of any height and width, or those that were traced. By default `fixed`. */
  readonly size?: 'open' | 'fixed' | 'auto';
  /** Contents of states by name, as a program or a trainer reads them; else those that they begin with. */
  readonly states?: ReadonlyMap<string, ArrayLike<number>>;
  /** Names of values besides their labels. A value of several names is written once, with copies (Identity). */
  readonly layers?: ReadonlyMap<string, Value>;
  /** Names of weights that are constants, such as `Trace.parameters`; `form` says how they lie in the file they are of. */
  readonly parameters?: ReadonlyMap<string, { readonly value: Value; readonly form?: string }>;
  /** Entries of the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of an ONNX file (operator set 17) that computes the outputs of a graph, traced and not yet optimized, from
 * its inputs. Pictures [N,H,W,C] are [N,C,H,W] there, filters [K,C,R,S]; layers are called as their labels, outputs as
 * the computation calls them. Updates of states are left out. Throws a `ModelError` for what no file can hold.
 */
export function exportComputation(source: Computation, options: ExportOptions = {}): Uint8Array {
  return new Export(source, options).encode();
}

/** What may stay open, the most first. */
const WAYS: readonly Open[] = [
  { batch: true, picture: true },
  { batch: true, picture: false },
  { batch: false, picture: true },
  { batch: false, picture: false },
];

class Export {
  private readonly nodes: readonly Node[];
  /** Ids that the outputs are computed from. */
  private readonly needed: ReadonlySet<number>;
  private readonly fixed = new Set<number>();
  /** How often each value is read by what is not known beforehand. */
  private readonly uses = new Map<number, number>();
  private readonly names: ReadonlyMap<number, readonly string[]>;
  /** What is written, by the id of the value that it makes. */
  private readonly plans: ReadonlyMap<number, LayerPlan>;
  /** Known names of weights. */
  private readonly weights = new Map<number, string>();
  private readonly title: string;

  constructor(
    private readonly source: Computation,
    private readonly options: ExportOptions,
  ) {
    this.nodes = source.graph.nodes;
    this.title = `export of "${options.name ?? 'network'}"`;
    this.needed = reachable(this.nodes, rootsOf({ ...source, updates: [] }));
    for (const node of this.nodes) if (this.isKnown(node)) this.fixed.add(node.id);
    for (const node of this.nodes) {
      if (node.kind !== 'op' || !this.needed.has(node.id) || this.fixed.has(node.id)) continue;
      for (const id of node.inputs) this.uses.set(id, (this.uses.get(id) ?? 0) + 1);
    }
    for (const node of this.nodes) if (node.kind === 'state') this.addState(node);
    for (const [name, { value }] of options.parameters ?? []) this.weights.set(value.id, name);
    this.names = this.findNames();
    this.plans = this.plan();
  }

  encode(): Uint8Array {
    const { name = 'network', metadata = {}, batch = 'auto', size = 'fixed' } = this.options;
    const inputs = this.nodes.filter((node) => node.kind === 'input' && this.needed.has(node.id));
    const fits = (asked: string, isOpen: boolean) => asked === 'auto' || (asked === 'open') === isOpen;
    let first: Obstacle | undefined;
    for (const open of WAYS) {
      if (!fits(batch, open.batch) || !fits(size, open.picture)) continue;
      const file = this.write(inputs, open);
      if (file instanceof ExportFile) {
        return encodeModel({
          name,
          nodes: file.nodes,
          weights: file.weights,
          inputs: inputs.map(({ id }) => this.describe(file, id, this.nameOf(id))),
          outputs: Object.entries(this.source.outputs).map(([key, { id }]) => this.describe(file, id, key)),
          metadata,
        });
      }
      first ??= file;
    }
    throw this.obstacle(size === 'open' ? 'pictures of any size' : 'any number of pictures', first as Obstacle);
  }

  /** All nodes and weights, with these sizes open; or what keeps them from being so. */
  private write(inputs: readonly Node[], open: Open): ExportFile | Obstacle {
    const sizes = sizesOf(this.source, this.needed, open);
    if (!(sizes instanceof Sizes)) return sizes;
    const { plans, options } = this;
    const file = new ExportFile(this.nodes, sizes, this.naming(plans), this.fixed, options.states ?? new Map());
    for (const { id, shape } of inputs) this.placeInput(file, id, shape);
    for (const [id, plan] of [...plans].sort(([a], [b]) => a - b)) {
      try {
        plan.write(file);
      } catch (error) {
        if (error instanceof OpError) return { id, why: error.message };
        throw error;
      }
    }
    for (const id of this.names.keys()) this.writeKnown(file, id);
    return file;
  }

  /** Follows from constants and states alone, by ops that a file could hold. */
  private isKnown(node: Node): boolean {
    if (node.kind !== 'op') return node.kind !== 'input';
    return isExportable(exporterOf(node.op)) && !node.epilogue && node.inputs.every((id) => this.fixed.has(id));
  }

  private addState({ id, name, shape }: StateNode): void {
    this.weights.set(id, name);
    const length = this.options.states?.get(name)?.length;
    if (length === undefined || length === sizeOf(shape)) return;
    throw this.error(`${length} numbers are given for the state "${name}", which is ${showShape(shape)}`);
  }

  // --- names ---

  private nameOf(id: number): string {
    return (this.names.get(id) as readonly string[])[0];
  }

  /** Names of values by id: inputs and outputs are called as the caller calls them, then labels as far as they are free. */
  private findNames(): Map<number, readonly string[]> {
    const taken = new Map<string, number>();
    const names = new Map<number, string[]>();
    const give = (id: number, name: string, isFirst: boolean): void => {
      const own = names.get(id) ?? [];
      if (own.includes(name)) return;
      let free = name;
      for (let i = 2; taken.has(free); i++) free = `${name}_${i}`;
      taken.set(free, id);
      names.set(id, isFirst ? [free, ...own] : [...own, free]);
    };
    for (const node of this.nodes) if (node.kind === 'input') give(node.id, node.name, true);
    for (const [key, { id }] of Object.entries(this.source.outputs)) {
      if (taken.has(key) && taken.get(key) !== id) throw this.error(`its output "${key}" is called as an input is`);
      give(id, key, false);
    }
    for (const node of this.nodes) {
      if (node.kind === 'op' && node.label && this.isWritten(node.id)) give(node.id, node.label, true);
    }
    for (const [name, { id }] of this.options.layers ?? []) if (this.isWritten(id)) give(id, name, false);
    return names;
  }

  private isWritten(id: number): boolean {
    return this.needed.has(id) && !this.fixed.has(id);
  }

  private naming(plans: ReadonlyMap<number, LayerPlan>): Naming {
    const owners = new Map<number, string>();
    // Readers come after what they read: from the end, each value learns of the first named one that it is for.
    for (const [id, { reads }] of [...plans].sort(([a], [b]) => b - a)) {
      const owner = this.names.get(id)?.[0] ?? owners.get(id) ?? 'value';
      owners.set(id, owner);
      for (const read of reads) owners.set(read, owner);
    }
    const turned = new Map<number, boolean>();
    for (const { value, form } of this.options.parameters?.values() ?? []) {
      if (form?.startsWith('matrix ')) turned.set(value.id, form.startsWith('matrix transposed'));
    }
    return { names: this.names, owners, weights: this.weights, turned };
  }

  // --- sizes ---

  private obstacle(what: string, { id, why }: Obstacle): ModelError {
    const reason = why.replace(/\.$/, '');
    return this.error(
      `it cannot take ${what}, because ${this.titleOf(id)} fixes them (${reason}). Export it as traced`,
    );
  }

  // --- nodes ---

  private plan(): Map<number, LayerPlan> {
    const plans = new Map<number, LayerPlan>();
    const wanted = new Set(Object.values(this.source.outputs).map(({ id }) => id));
    for (const { id } of this.options.layers?.values() ?? []) if (this.needed.has(id)) wanted.add(id);
    const view = this.view();
    for (let id = this.nodes.length - 1; id >= 0; id--) {
      const node = this.nodes[id];
      const isNamed = this.names.has(id) && this.isWritten(id);
      if (node.kind !== 'op' || this.fixed.has(id) || !(wanted.has(id) || isNamed)) continue;
      const plan = this.recognized(node, view) ?? this.single(node);
      plans.set(id, plan);
      for (const read of plan.reads) wanted.add(read);
    }
    return plans;
  }

  private recognized(node: OpNode, view: View): LayerPlan | undefined {
    for (const recognize of layers[node.op] ?? []) {
      const plan = recognize(node, view);
      if (plan) return plan;
    }
    return undefined;
  }

  private single(node: OpNode): LayerPlan {
    const row = exporterOf(node.op);
    if (!isExportable(row)) throw this.error(`${this.titleOf(node.id)} ${row.reason}`);
    if (node.epilogue)
      throw this.error(`${this.titleOf(node.id)} is fused by \`optimize\`; export the graph as traced`);
    return { reads: node.inputs, write: (file) => row(file, node, node.attrs) };
  }

  private view(): View {
    const { nodes } = this;
    const opAt = (id: number, op: OpName): OpNode | undefined => {
      const node = nodes[id];
      return node?.kind === 'op' && node.op === op && !node.epilogue && !this.fixed.has(id) ? node : undefined;
    };
    const number = (id: number): number | undefined => {
      const node = nodes[id];
      const isNumber = node.kind === 'constant' && node.shape.length === 0 && !this.weights.has(id);
      return isNumber ? node.tensor.data[0] : undefined;
    };
    return {
      graph: nodes,
      shared: opAt,
      inner: (id, op) => (this.uses.get(id) === 1 && !this.names.has(id) ? opAt(id, op) : undefined),
      number,
      isFixed: (id) => this.fixed.has(id),
      is: (id, value) => number(id) === value,
    };
  }

  private placeInput(file: ExportFile, id: number, shape: Shape): void {
    const [name, ...copies] = this.names.get(id) as readonly string[];
    file.copies(id, name, copies, shape.length === 4 ? NCHW : plainOrder(shape.length));
  }

  /** Outputs that depend on no input. */
  private writeKnown(file: ExportFile, id: number): void {
    if (!this.fixed.has(id)) return;
    const order = plainOrder(file.shapeOf(id).length);
    file.result(id, 'Identity', [file.tensor(id, order)], {}, order);
  }

  /** Sizes that stay open are called N, H and W at the inputs; of outputs only the batch has a name. */
  private describe(file: ExportFile, id: number, name: string): ExportValue {
    const lies = file.orderOf(id) ?? plainOrder(file.shapeOf(id).length);
    const order = isFlattened(lies) ? plainOrder(2) : lies;
    const isInput = this.nodes[id].kind === 'input';
    const symbols = isInput ? ['N', 'H', 'W', 'C'] : ['N', '', '', ''];
    const other = file.sizes.otherOf(id);
    const shape = file.sizes.traceOf(id).map((d, axis) => (d === other[axis] ? d : (symbols[axis] ?? '')));
    return { name, shape: permuteShape(shape as never, order) as (number | string)[] };
  }

  // --- errors ---

  private titleOf(id: number): string {
    const node = this.nodes[id];
    const op = node.kind === 'op' ? node.op : node.kind;
    const name = this.names.get(id)?.[0] ?? this.ownerOf(id);
    return name === undefined ? op : `${op} "${name}"`;
  }

  /** The nearest named value that an unnamed one is for. */
  private ownerOf(id: number): string | undefined {
    const wanted = new Set([id]);
    for (const node of this.nodes.slice(id + 1)) {
      if (node.kind !== 'op' || !node.inputs.some((input) => wanted.has(input))) continue;
      const names = this.names.get(node.id);
      if (names) return names[0];
      wanted.add(node.id);
    }
    return undefined;
  }

  private error(what: string): ModelError {
    return new ModelError(`${this.title}: ${what}.`);
  }
}

/** Ids that these values are computed from, and their own. */
function reachable(nodes: readonly Node[], roots: readonly number[]): Set<number> {
  const found = new Set(roots);
  for (let id = nodes.length - 1; id >= 0; id--) {
    const node = nodes[id];
    if (node.kind === 'op' && found.has(id)) for (const input of node.inputs) found.add(input);
  }
  return found;
}
