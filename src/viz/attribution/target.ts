// target.ts: the scalar that attributions explain: the logit of a class, chosen by an input so that another class needs
// no other program.

import type { Graph, Value } from '../../engine/graph.ts';
import { mul, sum } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';

/** Sum over the batch of the chosen logits. Write a one-hot [classes] to the input "target" before running. */
export function traceTarget(graph: Graph, logits: Value): Value {
  const classes = logits.shape[logits.shape.length - 1];
  return sum(mul(logits, graph.input('target', [classes])));
}

export function oneHot(classes: number, target: number): Float32Array {
  if (!Number.isInteger(target) || target < 0 || target >= classes) {
    throw new ModelError(`the network has classes 0 to ${classes - 1}; there is no class ${target}.`);
  }
  const data = new Float32Array(classes);
  data[target] = 1;
  return data;
}
