// cifarFiles.ts: what tests of commands read: a network with recorded results, its inputs as an array, and two pictures.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { sharedBytes } from './shared.ts';

/** A new folder. */
export const newFolder = (name: string): string => mkdtempSync(path.join(tmpdir(), `facet-${name}-`));

/** "cifar10.onnx", "cifar.npy", "picture.png", and "turned.jpg": the same lying on its side, as its EXIF data say. */
export async function writeCifarFiles(folder: string): Promise<void> {
  const at = (name: string): string => path.join(folder, name);
  writeFileSync(at('cifar10.onnx'), sharedBytes('data/models/cifar10-convsmall-pgd.onnx'));
  writeFileSync(at('cifar.npy'), sharedBytes('golden/inputs/cifar-convsmall.npy'));
  const pixels = Buffer.from(Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 37) % 251));
  const picture = sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
  await Promise.all([
    picture.clone().png().toFile(at('picture.png')),
    picture.clone().jpeg().withMetadata({ orientation: 6 }).toFile(at('turned.jpg')),
  ]);
}
