// networks.ts: the networks of tests/fixtures/networks, and the input that numbers were recorded for.

import type { Shape } from '../../src/kernels/types.ts';

interface Network {
  /** Without its ending: .onnx is the network, .npy what PyTorch makes of one input. */
  readonly file: string;
  /** Shape of the recorded input, [N,C,H,W]. */
  readonly input: Shape;
}

export const networks: readonly Network[] = [
  { file: 'residual-folded-opset9', input: [1, 3, 24, 24] },
  { file: 'residual-kept-opset12', input: [2, 3, 20, 24] },
  { file: 'pools-opset10', input: [1, 3, 21, 18] },
  { file: 'shuffled-dense-opset12', input: [2, 3, 24, 24] },
  { file: 'decoder-opset11', input: [1, 4, 18, 14] },
  { file: 'squeeze-excite-opset14', input: [1, 3, 24, 24] },
  { file: 'activations-opset15', input: [1, 1, 16, 16] },
  { file: 'transformer-opset13', input: [2, 3, 24, 24] },
  { file: 'convnext-opset17', input: [1, 3, 32, 32] },
  { file: 'dynamic-opset11', input: [2, 5, 23, 18] },
  { file: 'siamese-opset16', input: [1, 6, 16, 16] },
  { file: 'windows-opset17', input: [2, 3, 16, 16] },
  { file: 'float16-opset13', input: [1, 3, 16, 16] },
  { file: 'quantized-opset13', input: [1, 3, 16, 16] },
];

/** Networks of others in ../shared/data/models; what PyTorch makes of `picture()` is recorded by record_shared.py. */
export const sharedNetworks: readonly { readonly file: string; readonly size: number; readonly phase: number }[] = [
  { file: 'mobilenet_v2-qat', size: 64, phase: 1 },
  { file: 'cifar10-resnet4b-adv', size: 32, phase: 0 },
];

/** The input of record_shared.py, [3,size,size] as in the file. */
export function picture(size: number, phase: number): Float32Array {
  return Float32Array.from({ length: 3 * size * size }, (_, i) => {
    const [c, h, w] = [Math.floor(i / size / size), Math.floor(i / size) % size, i % size];
    const wave = 0.5 * Math.sin(0.13 * h + c + phase) + 0.3 * Math.cos(0.29 * w - 0.11 * h);
    return Math.floor(127 * (wave + 0.2 * Math.sin(0.017 * h * w + 2 * c - phase)) + 0.5) / 127;
  });
}
