// losses.ts: what training makes small. Scalars of the graph, means over the batch.

import type { Value } from '../engine/graph.ts';
import { logSoftmax, mul, sum } from '../engine/ops/index.ts';
import { showShape } from '../kernels/shape.ts';
import { OpError } from '../kernels/types.ts';

/**
 * Mean over the batch of -log softmax(logits)[label], in nats: log(classes) for a network that knows nothing.
 * logits, target: [N, classes]; each row of `target` sums to 1, one-hot or a distribution (smoothed labels, a teacher's).
 */
export function crossEntropy(logits: Value, target: Value): Value {
  const [logitsShape, targetShape] = [showShape(logits.shape), showShape(target.shape)];
  if (logits.shape.length !== 2 || logitsShape !== targetShape) {
    throw new OpError(
      `crossEntropy: logits are ${logitsShape}, target is ${targetShape}; both must be [N, classes]. Give one-hot rows as target.`,
    );
  }
  return mul(sum(mul(logSoftmax(logits), target)), -1 / logits.shape[0]);
}

/** Rows of `target` for crossEntropy, written into `rows`: 1 at the label, 0 elsewhere. */
export function writeOneHot(labels: ArrayLike<number>, classes: number, rows: Float32Array): void {
  rows.fill(0);
  for (let n = 0; n < labels.length; n++) {
    const label = labels[n];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new OpError(`writeOneHot: label ${n} is ${label}, none of 0..${classes - 1}.`);
    }
    rows[n * classes + label] = 1;
  }
}

/** How many rows of logits [N, classes] are largest at their label. */
export function countCorrect(logits: ArrayLike<number>, labels: ArrayLike<number>): number {
  const classes = logits.length / labels.length;
  let correct = 0;
  for (let n = 0; n < labels.length; n++) {
    let best = 0;
    for (let k = 1; k < classes; k++) if (logits[n * classes + k] > logits[n * classes + best]) best = k;
    if (best === labels[n]) correct++;
  }
  return correct;
}
