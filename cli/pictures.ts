// pictures.ts: picture files to pixels and back, through sharp.

import path from 'node:path';
import sharp from 'sharp';
import type { Pixels } from '../src/index.ts';
import { CommandError, UsageError } from './errors.ts';
import { readBytes, writeWhole } from './files.ts';

/** RGBA bytes, as everything in src/viz/render draws them. */
interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** Decodes a picture: upright (EXIF), sRGB, 8 bits a channel. */
export async function readPicture(file: string): Promise<Pixels> {
  const bytes = readBytes('the picture', file);
  try {
    const { data, info } = await sharp(bytes)
      .rotate()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels as Pixels['channels'], data };
  } catch (error) {
    const why = (error as Error).message.split('\n')[0].replace(/\.$/, '');
    throw new CommandError(`the picture "${file}" cannot be read (${why}). Give a .png, .jpg, .webp or an .npy.`);
  }
}

const FORMATS: Readonly<Record<string, 'png' | 'jpeg' | 'webp'>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};

function formatOf(file: string): 'png' | 'jpeg' | 'webp' {
  const extension = path.extname(file).toLowerCase();
  if (Object.hasOwn(FORMATS, extension)) return FORMATS[extension];
  throw new UsageError(`"${file}" does not end like a picture. Name it .png, .jpg or .webp.`);
}

/** For options that name a picture to write. */
export function pictureName(file: string): string {
  formatOf(file);
  return file;
}

/** Writes pixels at their own size. The lossy formats are written at their best quality. */
export async function writePicture(file: string, { width, height, data }: Rgba): Promise<string> {
  const image = sharp(data, { raw: { width, height, channels: 4 } }).removeAlpha();
  const format = formatOf(file);
  return writeWhole(file, await image.toFormat(format, format === 'png' ? {} : { quality: 100 }).toBuffer());
}
