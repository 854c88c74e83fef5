// gradient.ts: reverse-mode differentiation as a graph transform. The result is more nodes of the same graph.

import type { OpName } from '../kernels/index.ts';
import { sameShape, showShape, sizeOf } from '../kernels/shape.ts';
import { OpError } from '../kernels/types.ts';
import { type Graph, operandsOf, Value } from '../engine/graph.ts';
import { layerNames } from '../engine/layers.ts';
import { add, reshape, sum } from '../engine/ops/index.ts';
import { extraRule } from '../engine/extra.ts';
import { commonRules } from '../engine/rules/common.ts';
import type { Rule, Rules } from '../engine/rules/types.ts';

interface GradientOptions {
  /** The rule table; replace entries for guided backpropagation and its kin: `{ ...defaultRules, relu: guided }`. */
  readonly rules?: Rules;
  /** Gradient of the final objective with respect to `loss`. Needed where loss is not a scalar. */
  readonly seed?: Value;
}

/** Sums the axes over which an operand of shape `target` was stretched to the shape of `dy`. */
function sumToShape(dy: Value, target: Value, op: OpName): Value {
  if (sameShape(dy.shape, target.shape)) return dy;
  const lead = dy.shape.length - target.shape.length;
  if (lead < 0 || !target.shape.every((d, axis) => d === 1 || d === dy.shape[axis + lead])) {
    throw new OpError(
      `gradient: the rule of ${op} gives ${showShape(dy.shape)} for an input of ${showShape(target.shape)}; it must be that or a stretched shape.`,
    );
  }
  const axes = dy.shape.flatMap((d, axis) =>
    axis < lead || (target.shape[axis - lead] === 1 && d !== 1) ? [axis] : [],
  );
  return reshape(axes.length > 0 ? sum(dy, axes) : dy, target.shape);
}

/**
 * d loss / d w for each w of `wrt`, shaped like it. A w that loss does not depend on gets zeros.
 * Throws where a rule is missing on the path ("not differentiable") or a rule returns a wrong shape.
 */
export function gradient(loss: Value, wrt: readonly Value[], options: GradientOptions = {}): Value[] {
  const { graph } = loss;
  const rules = (options.rules ?? commonRules) as Partial<Record<OpName, Rule<OpName>>>;
  if (!options.seed && sizeOf(loss.shape) !== 1) {
    throw new OpError(`gradient: the loss has shape ${showShape(loss.shape)}. Reduce it to a scalar or give a seed.`);
  }
  if (options.seed && !sameShape(options.seed.shape, loss.shape)) {
    throw new OpError(
      `gradient: the seed is ${showShape(options.seed.shape)}, the loss ${showShape(loss.shape)}. They must agree.`,
    );
  }

  // What lies between wrt and loss: only there gradients are built.
  const depends = new Set<number>(wrt.map((value) => value.id));
  const first = Math.min(...depends);
  for (let id = first; id <= loss.id; id++) {
    if (operandsOf(graph.nodes[id]).some((input) => depends.has(input))) depends.add(id);
  }

  const gradients = new Map<number, Value>();
  if (depends.has(loss.id)) gradients.set(loss.id, options.seed ?? ones(loss));
  const wanted = new Set(wrt.map((value) => value.id));
  const layers = layerNames(graph, undefined, loss.id + 1);
  for (let id = loss.id; id >= first; id--) {
    const node = graph.nodes[id];
    const dy = gradients.get(id);
    if (!dy || node.kind !== 'op') continue;
    const inputs = node.inputs.map((input) => new Value(graph, input));
    const needs = node.inputs.map((input) => depends.has(input));
    if (!needs.some(Boolean)) continue;
    const rule = rules[node.op] ?? extraRule(node.op);
    if (!rule) throw new OpError(`gradient: there is no rule for ${node.op}.`);
    const before = graph.nodes.length;
    const results = rule({ x: inputs, y: new Value(graph, id), dy, attrs: node.attrs as never, needs });
    inputs.forEach((x, k) => {
      const raw = results[k];
      if (!needs[k] || !raw) return;
      const dx = sumToShape(raw, x, node.op);
      const soFar = gradients.get(x.id);
      gradients.set(x.id, soFar ? add(soFar, dx) : dx);
    });
    const layer = layers[id];
    if (layer !== undefined) nameSince(before, `d ${layer}`, graph);
    if (!wanted.has(id)) gradients.delete(id);
  }
  return wrt.map((value) => gradients.get(value.id) ?? zeros(value));
}

/** Names what was appended by the layer it is the gradient of, for whoever lists or times a program. */
function nameSince(before: number, layer: string, { nodes }: Graph): void {
  for (let id = before; id < nodes.length; id++) {
    const node = nodes[id];
    if (node.kind === 'op') nodes[id] = { ...node, layer };
  }
}

const filled = (like: Value, value: number): Value =>
  like.graph.constant({ shape: like.shape, data: new Float32Array(sizeOf(like.shape)).fill(value) });
const ones = (like: Value): Value => filled(like, 1);
const zeros = (like: Value): Value => filled(like, 0);
