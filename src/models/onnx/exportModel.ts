// exportModel.ts: a network that was opened from a file as a new file: whole, with other weights, or up to a layer.

import { computation, Graph, type Node, type Tensor } from '../../engine/graph.ts';
import { PREPROCESS_KEY } from '../guess.ts';
import type { Model } from '../model.ts';
import { SELF_TEST_KEY } from '../selfTest.ts';
import { type ExportOptions, exportComputation } from './exportGraph.ts';

export interface ModelExportOptions {
  /** Other numbers for some weights, by their names and in the layout of the model's file, as `model.weight` gives them. */
  readonly weights?: ReadonlyMap<string, Tensor>;
  /** The layer to stop at, which becomes the output; the file's own output by default. */
  readonly until?: string;
  /** Whether the file takes any number of pictures: by default where the network permits it. */
  readonly batch?: 'open' | 'fixed';
  /** Height and width that the file fixes. By default they stay open where the model's file leaves them open. */
  readonly size?: 'open' | readonly [number, number];
}

const LABEL_KEYS = ['facet.labels', 'labels', 'names'];

/**
 * The bytes of an ONNX file of a network: its layers under their names, its weights, its preparation of pictures and its
 * labels. What it computes is the same; nodes are those of operator set 17, and sizes that it works out are numbers.
 */
export function exportModel(model: Model, options: ModelExportOptions = {}): Uint8Array {
  const { weights, until, batch, size } = options;
  const edited = weights ? model.withWeights(weights) : model;
  const output = until === undefined ? edited.outputName : edited.resolve(until);
  const [H, W] = typeof size === 'object' ? size : edited.nominalSize;
  const traced = (height: number, width: number) => {
    const x = new Graph().input(edited.input.name, [edited.input.batch ?? 1, height, width, edited.input.channels]);
    return edited.trace(x, { until: output });
  };
  const trace = traced(H, W);
  const { height, width } = edited.input;
  const isOpenInFile = height === undefined && width === undefined;
  // Padding to the size of the picture (SAME) is a number in the new file: it would be wrong at other sizes.
  const staysOpen = () => sameWindows(trace.output.graph.nodes, traced(H + 1, W + 1).output.graph.nodes);
  const sizes: ExportOptions['size'] =
    size === 'open' ? 'open' : !size && isOpenInFile && staysOpen() ? 'auto' : 'fixed';
  return exportComputation(computation({ [output]: trace.layer(output) }), {
    name: edited.name,
    batch,
    size: sizes,
    layers: trace.layers,
    parameters: trace.parameters,
    metadata: metadataOf(edited, {
      isEdited: weights !== undefined,
      isCut: output !== edited.outputName,
      size: [H, W],
    }),
  });
}

interface Changes {
  readonly isEdited: boolean;
  readonly isCut: boolean;
  readonly size: readonly [number, number];
}

/** What the file says of itself, as far as it still holds. */
function metadataOf(model: Model, { isEdited, isCut, size }: Changes): Record<string, string> {
  const kept = new Map(model.metadata);
  if (isEdited || isCut) kept.delete(SELF_TEST_KEY);
  for (const key of LABEL_KEYS) kept.delete(key);
  const { order, range, mean, std, size: own = size } = model.preprocess;
  kept.set(PREPROCESS_KEY, JSON.stringify({ order, range, mean, std, size: own }));
  if (model.labels.length > 0 && !isCut) kept.set('facet.labels', JSON.stringify(model.labels));
  return Object.fromEntries(kept);
}

/** Whether what slides over pictures, and what frames them, does so alike at two sizes. */
function sameWindows(a: readonly Node[], b: readonly Node[]): boolean {
  const windows = (nodes: readonly Node[]): string =>
    JSON.stringify(
      nodes.flatMap((node) => {
        const isWindow = node.kind === 'op' && ['conv2d', 'maxPool', 'averagePool', 'pad'].includes(node.op);
        return isWindow ? [node.attrs] : [];
      }),
    );
  return windows(a) === windows(b);
}
