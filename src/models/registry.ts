// registry.ts: the networks that come with the project, by the names that commands take in place of a path.

import { ModelError, nearest, quoted } from './error.ts';
import { cifar10Labels } from './labels.ts';
import { type Preprocess, presets } from './preprocess.ts';

export interface ShippedModel {
  readonly id: string;
  /** Path from the root of the project. */
  readonly file: string;
  readonly description: string;
  /** Share of pictures it names right, and on which; how it was measured stands in assets/README.md. */
  readonly accuracy: string;
  /** Undefined where the file says it itself. */
  readonly preprocess?: Preprocess;
  /** Undefined where the file says them itself. */
  readonly labels?: readonly string[];
  /** [channels, height, width]. */
  readonly input: readonly [number, number, number];
}

export const shippedModels: readonly ShippedModel[] = [
  {
    id: 'drawings',
    file: 'assets/drawings.onnx',
    description: 'ten classes of drawn textures and shapes, trained by this project on pictures it draws itself',
    accuracy: '99.6 % of held-out drawings',
    input: [3, 64, 64],
  },
  {
    id: 'cifar10-twin-standard',
    file: 'assets/cifar10-twin-standard.onnx',
    description: 'residual network on CIFAR-10, ordinary training; twin of cifar10-twin-robust',
    accuracy: '80.7 %, 6.3 % attacked (PGD-20, L2 0.5)',
    preprocess: { ...presets.unit, source: 'registry' },
    labels: cifar10Labels,
    input: [3, 32, 32],
  },
  {
    id: 'cifar10-twin-robust',
    file: 'assets/cifar10-twin-robust.onnx',
    description: 'residual network on CIFAR-10, adversarial training in L2; twin of cifar10-twin-standard',
    accuracy: '73.0 %, 51.8 % attacked (PGD-20, L2 0.5)',
    preprocess: { ...presets.unit, source: 'registry' },
    labels: cifar10Labels,
    input: [3, 32, 32],
  },
];

/** The shipped network of that name; undefined where the text is something else, such as a path. */
export const findShipped = (id: string): ShippedModel | undefined => shippedModels.find((model) => model.id === id);

/** For a text that is neither a file nor a shipped network. */
export function unknownModel(text: string): ModelError {
  const near = nearest(
    text,
    shippedModels.map(({ id }) => id),
  );
  return new ModelError(
    `"${text}" is neither a file nor a network that comes with Facet. The nearest names are ${quoted(near)}; \`facet models\` lists all.`,
  );
}
