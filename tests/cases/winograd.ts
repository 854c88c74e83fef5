// winograd.ts: rows for the ops that the Winograd pass makes: both tile sizes, ragged tiles and blocks, any pads, batches.

import { PRODUCT_COLUMNS } from '../../src/kernels/winograd.ts';
import { PRODUCT_ROWS } from '../../src/kernels/winograd.ts';
import { apply } from '../../src/engine/graph.ts';
import { winogradPlaces } from '../../src/kernels/winograd_transforms.ts';
import type { Case } from './types.ts';

const ofTile = (tile: 2 | 4): Case[] => {
  const places = winogradPlaces(tile);
  return [
    ...[false, true].map(
      (rotated): Case => ({
        op: 'winogradFilter',
        name: `tile ${tile}${rotated ? ', rotated' : ''}`,
        inputs: [[3, 3, 5, 7]],
        wrt: [],
        build: ([w]) => apply('winogradFilter', [w], { tile, rotated, block: 4 }),
      }),
    ),
    {
      op: 'winogradInput',
      name: `tile ${tile}, batch, odd sizes`,
      inputs: [[2, 7, 6, 5]],
      wrt: [],
      build: ([x]) => apply('winogradInput', [x], { tile, pads: [1, 2], outputSize: [7, 9], block: 16 }),
    },
    {
      op: 'winogradInput',
      name: `tile ${tile}, begins inside`,
      inputs: [[1, 9, 10, 3]],
      wrt: [],
      build: ([x]) => apply('winogradInput', [x], { tile, pads: [-1, -2], outputSize: [6, 6], block: 4 }),
    },
    ...[false, true].map(
      (tilesLast): Case => ({
        op: 'winogradOutput',
        name: `tile ${tile}, ${tilesLast ? 'tiles' : 'filters'} innermost`,
        inputs: [tilesLast ? [places, 8, 32] : [places, 32, 8]],
        wrt: [],
        build: ([m]) => apply('winogradOutput', [m], { tile, output: [2, 5, 7, 6], tilesLast }),
      }),
    ),
  ];
};

const product = (name: string, a: readonly number[], b: readonly number[]): Case => ({
  op: 'winogradProduct',
  name,
  inputs: [a, b],
  wrt: [],
  build: (operands) => apply('winogradProduct', operands, {}),
});

export const winogradCases: readonly Case[] = [
  ...ofTile(2),
  ...ofTile(4),
  product('odd blocks', [3, 2, 5, 3], [3, 1, 5, 7]),
  product('blocks of the kernels', [3, 2, 6, PRODUCT_ROWS], [3, 3, 6, PRODUCT_COLUMNS]),
  product('odd terms', [2, 1, 7, PRODUCT_ROWS], [2, 2, 7, PRODUCT_COLUMNS]),
];
