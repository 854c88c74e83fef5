// shipped.ts: the networks that come with the project.

import { cifar10Labels } from '../labels.ts';
import { presets } from '../preprocess.ts';
import type { ShippedModel } from './types.ts';

export const shippedModels: readonly ShippedModel[] = [
  {
    id: 'drawings',
    file: 'assets/drawings.onnx',
    description: 'ten classes of drawn textures and shapes, trained by this project on pictures it draws itself',
    accuracy: '99.6 % of held-out drawings',
    input: [3, 64, 64],
    licence: 'MIT',
  },
  {
    id: 'cifar10-twin-standard',
    file: 'assets/cifar10-twin-standard.onnx',
    description: 'residual network on CIFAR-10, ordinary training; twin of cifar10-twin-robust',
    accuracy: '80.7 %, 6.3 % attacked (PGD-20, L2 0.5)',
    preprocess: { ...presets.unit, source: 'registry' },
    labels: cifar10Labels,
    input: [3, 32, 32],
    licence: 'MIT',
  },
  {
    id: 'cifar10-twin-robust',
    file: 'assets/cifar10-twin-robust.onnx',
    description: 'residual network on CIFAR-10, adversarial training in L2; twin of cifar10-twin-standard',
    accuracy: '73.0 %, 51.8 % attacked (PGD-20, L2 0.5)',
    preprocess: { ...presets.unit, source: 'registry' },
    labels: cifar10Labels,
    input: [3, 32, 32],
    licence: 'MIT',
  },
];

/** The shipped network of that name; undefined where the text is something else, such as a path. */
export const findShipped = (id: string): ShippedModel | undefined => shippedModels.find((model) => model.id === id);
