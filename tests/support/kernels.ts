// kernels.ts: for tests that ask for kernels and shaders without compiling a program: all of them, loaded.

import { loadPasses } from '../../src/engine/optimize.ts';
import { knownShaders, loadAllKernels, loadShaders } from '../../src/kernels/families.ts';

/** The kernels of every op on both kinds of device, their shaders, and all passes. */
export async function loadEverything(): Promise<void> {
  await Promise.all([loadAllKernels('software'), loadAllKernels('gpu'), loadPasses('gpu')]);
  await loadShaders(knownShaders());
}
