// jaxNetwork.ts: networks in jax-js: what they are made of, and who owns what on the way through them.

import { type Array as Arr, lax, nn, numpy as np, type Tree } from '@jax-js/jax';
import type { Network } from './peer.ts';
import { type NetworkOps, type Walk, walk, weightNames } from './walk.ts';

export type Weights = { [name: string]: Arr };

export const upload = ({ data, shape }: { data: Float32Array; shape: readonly number[] }): Arr =>
  np.array(data).reshape([...shape]);

export const kept = (tree: Tree): Tree => {
  if (Array.isArray(tree)) return tree.map(kept);
  if ('shape' in tree && 'ref' in tree) return (tree as Arr).ref;
  return Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, kept(value)]));
};
export const leavesOf = (tree: Tree): Arr[] => {
  if (Array.isArray(tree)) return tree.flatMap(leavesOf);
  return 'shape' in tree && 'ref' in tree ? [tree as Arr] : Object.values(tree).flatMap(leavesOf);
};

const opsOf = (weights: Weights): NetworkOps<Arr> => ({
  // Passed on as they are: each weight is read once.
  weight: (name) => weights[name],
  keep: (x) => x.ref,
  sizeOf: ({ shape }) => [shape[2], shape[3]],
  conv(x, w, b, { strides, pads: [top, left, bottom, right], groups }, isRelu) {
    const padding: [number, number][] = [
      [top, bottom],
      [left, right],
    ];
    const y = lax.convGeneralDilated(x, w, strides, padding, { featureGroupCount: groups });
    const sum = b ? y.add(b.reshape([1, b.shape[0], 1, 1])) : y;
    return isRelu ? nn.relu(sum) : sum;
  },
  relu: (x) => nn.relu(x),
  maxPool(x, { kernel, strides, pads: [top, left, bottom, right] }) {
    const isPadded = top + left + bottom + right > 0;
    const widths: [number, number][] = [
      [0, 0],
      [0, 0],
      [top, bottom],
      [left, right],
    ];
    // What is pooled follows a ReLU, so the zeros of a plain pad are never larger than the largest.
    const padded = isPadded ? np.pad(x, widths) : x;
    return lax.reduceWindow(padded, (window) => np.max(window), [1, 1, ...kernel], [1, 1, ...strides]);
  },
  globalAverage: (x) => x.mean([2, 3]),
  concat: (list) => np.concatenate([...list], 1),
  lrn(x, { size, alpha, beta, bias }) {
    const reach = (size - 1) / 2;
    const [N, C, H, W] = x.shape;
    const widths: [number, number][] = [
      [0, 0],
      [reach, reach],
      [0, 0],
      [0, 0],
    ];
    const squares = np.pad(x.ref.mul(x.ref), widths);
    const parts = Array.from({ length: size }, (_, i) =>
      (i < size - 1 ? squares.ref : squares).slice([0, N], [i, i + C], [0, H], [0, W]),
    );
    const sum = parts.reduce((a, b) => a.add(b));
    return x.mul(np.power(sum.mul(alpha / size).add(bias), -beta));
  },
  dense(x, w, b) {
    const y = np.matmul(x, w.transpose());
    return b ? y.add(b) : y;
  },
});

/** Weights that a route through the network reads. */
export function uploadWeights({ graph }: Network): Weights {
  const weights: Weights = {};
  for (const name of weightNames(graph)) {
    const tensor = graph.initializers.get(name);
    if (tensor) weights[name] = upload({ data: Float32Array.from(tensor.data), shape: tensor.shape });
  }
  return weights;
}

/** Walks with weights of which the route may leave some unread, and uses them all up. */
export function walkOwned({ graph }: Network, weights: Weights, x: Arr, route?: Walk): Arr {
  const unread = new Set(Object.keys(weights));
  const ops = opsOf(weights);
  const y = walk(
    graph,
    {
      ...ops,
      weight(name) {
        unread.delete(name);
        return ops.weight(name);
      },
    },
    x,
    route,
  );
  for (const name of unread) weights[name].dispose();
  return y;
}
