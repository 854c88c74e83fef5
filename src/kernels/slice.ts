// slice.ts: the uniforms of kernels that can write their result as a slice of a larger one.

import type { ChannelSlice } from './types.ts';

/**
 * Members of `struct Params`: units of `width` numbers from one pixel of y to the next, and before the first channel. Whoever
 * writes a result of its own, of `channels`, fills each pixel.
 */
export const sliceUniforms = (slice: ChannelSlice | undefined, channels: number, width: 1 | 4) => ({
  y_pixel: (slice?.channels ?? channels) / width,
  y_first: (slice?.first ?? 0) / width,
});
