// inputs.ts: from --input files to what a network takes, one row a picture.

import path from 'node:path';
import { fromFileLayout, inputSize, type Model, pixelsToRgb, preprocessRgb, unpreprocess } from '../src/index.ts';
import { CommandError, UsageError } from './errors.ts';
import { readBytes } from './files.ts';
import { decodeNpy } from './npy.ts';
import { readPicture } from './pictures.ts';

export interface Row {
  /** The file, with the place of the row where it holds several: `x.npy[3]`. */
  readonly source: string;
  /** [height, width] */
  readonly size: readonly [number, number];
  /** Network input, [H,W,C]. */
  readonly data: Float32Array;
  /** The picture itself, RGB in 0..1, [H,W,3]. */
  rgb(): Float32Array;
}

/** Throws where a network of one size is asked for another. */
export function checkSize({ name, input }: Model, asked: readonly [number, number] | undefined): void {
  const { height, width } = input;
  if (!asked || ((height ?? asked[0]) === asked[0] && (width ?? asked[1]) === asked[1])) return;
  throw new UsageError(
    `model "${name}" takes pictures of ${height ?? 'any'}x${width ?? 'any'}, not ${asked[0]}x${asked[1]}. Leave --size out.`,
  );
}

export async function readInputs(
  files: readonly string[],
  model: Model,
  asked?: readonly [number, number],
): Promise<Row[]> {
  checkSize(model, asked);
  const rows: Row[] = [];
  for (const file of files) {
    if (path.extname(file).toLowerCase() === '.npy') rows.push(...rawRows(file, model, asked));
    else rows.push(await pictureRow(file, model, asked));
  }
  return rows;
}

async function pictureRow(file: string, model: Model, asked?: readonly [number, number]): Promise<Row> {
  const picture = await readPicture(file);
  const size = inputSize(model, picture, asked ?? model.preprocess.size);
  const rgb = pixelsToRgb(picture, size);
  return { source: file, size, data: preprocessRgb(rgb, model.preprocess, size).data, rgb: () => rgb };
}

/** Rows of an array [N,C,H,W] or [C,H,W] in the layout of the model's file. */
function rawRows(file: string, model: Model, asked?: readonly [number, number]): Row[] {
  const { channels, height, width, channelsLast } = model.input;
  const array = decodeNpy(readBytes('the array', file), file);
  const shape = array.shape.length === 3 ? [1, ...array.shape] : array.shape;
  const [N, ...sizes] = shape;
  const wanted = channelsLast ? [height, width, channels] : [channels, height, width];
  const letters = channelsLast ? 'HWC' : 'CHW';
  if (
    shape.length !== 4 ||
    N < 1 ||
    wanted.some((size, axis) => sizes[axis] < 1 || (size ?? sizes[axis]) !== sizes[axis])
  ) {
    const takes = wanted.map((size, axis) => size ?? letters[axis]);
    throw new CommandError(
      `"${file}" has the shape [${array.shape}], model "${model.name}" takes [N,${takes}]. Save the array in that shape.`,
    );
  }
  const { data, shape: own } = fromFileLayout(array.data, channelsLast ? 'plain' : 'nhwc', shape);
  const [, H, W, C] = own;
  if (asked && (asked[0] !== H || asked[1] !== W)) {
    throw new UsageError(
      `"${file}" is ${H}x${W} and is used as it is, not resized to ${asked.join('x')}. Leave --size out.`,
    );
  }
  return Array.from({ length: N }, (_, n) => {
    const row = data.slice(n * H * W * C, (n + 1) * H * W * C);
    const source = N > 1 ? `${file}[${n}]` : file;
    return { source, size: [H, W] as const, data: row, rgb: () => unpreprocess(row, model.preprocess) };
  });
}

/** Rows of one size one after another, as one batch. */
export function concatRows(rows: readonly { readonly data: Float32Array }[]): Float32Array {
  const result = new Float32Array(rows.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const { data } of rows) {
    result.set(data, at);
    at += data.length;
  }
  return result;
}

/** Rows by their size, in the order in which sizes first come. */
export function groupBySize(rows: readonly Row[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row.size.join('x');
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}
