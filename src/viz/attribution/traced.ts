// traced.ts: methods that are a graph: one replay of it gives the map. Those are most, and only these can be averaged over
// many inputs on the device (sampled.ts).

import { computation, Graph, type Value } from '../../engine/graph.ts';
import type { Model } from '../../models/model.ts';
import { type Layout, toFileLayout } from '../../models/onnx/layout.ts';
import type { AttributionRequest, Method } from './method.ts';
import { type OptionsOf, type OptionTable, withDefaults } from './options.ts';
import type { Attribution } from './result.ts';
import { compileFor, type Context, inputShape, targetInput } from './subject.ts';

/** What a method traces, for N pictures. */
export interface TracedMap {
  /** [N,…] */
  readonly map: Value;
  /** How the map lies against the file. */
  readonly layout: Layout;
  /** [N] */
  readonly scores: Value;
  /** [N], or [1] for all: the method is complete, its values sum to score - baseline score. */
  readonly baselineScores?: Value;
  /** Layer that the map is of, where it is not the input. */
  readonly layer?: string;
}

/** A method whose map is a function of the picture that the device can trace. */
export interface TracedMethod<T extends OptionTable = OptionTable> extends Method<T> {
  /** x: [N,H,W,C] */
  trace(context: Context, x: Value, options: OptionsOf<T>): TracedMap;
  /** Further inputs of the graph, written before a run. */
  inputs?(context: Context, request: AttributionRequest, options: OptionsOf<T>): Record<string, Float32Array>;
  signed(options: OptionsOf<T>): boolean;
}

type Spec<T extends OptionTable> = Omit<TracedMethod<T>, 'prepare'> & { readonly name: string };

export function tracedMethod<T extends OptionTable>(spec: Spec<T>): TracedMethod<T> {
  return {
    ...spec,
    async prepare(context, given) {
      const options = withDefaults(spec.options, given);
      const x = new Graph().input('x', inputShape(context));
      const traced = spec.trace(context, x, options);
      const { map, scores, baselineScores, layout, layer } = traced;
      // A channel that is sent back is of no class.
      const isOfClass = x.graph.nodes.some((node) => node.kind === 'input' && node.name === 'target');
      const outputs = { map, scores, ...(baselineScores && { baselineScores }) };
      const program = await compileFor(context, computation(outputs), spec.name);
      return {
        async attribute(request): Promise<Attribution> {
          const start = performance.now();
          const inputs = {
            x: request.input,
            ...(isOfClass && targetInput(context, request.target)),
            ...spec.inputs?.(context, request, options),
          };
          const read = await program.evaluate(inputs);
          const [score, baseline] = [read.scores[0], read.baselineScores?.[0]];
          const file = toFileLayout(read.map, layout, map.shape);
          return {
            method: spec.name,
            values: file.data,
            shape: file.shape,
            target: isOfClass ? request.target : undefined,
            score,
            layer,
            signed: spec.signed(options),
            ...(baseline !== undefined && { baselineScore: baseline, delta: completeness(file.data, score, baseline) }),
            evaluations: 1,
            millis: performance.now() - start,
          };
        },
        dispose: () => program.dispose(),
      };
    },
  };
}

export const isTraced = (method: Method): method is TracedMethod => 'trace' in method;

/** Σ values - (score - baseline score). */
export const completeness = (values: Float32Array, score: number, baselineScore: number): number =>
  values.reduce((sum, value) => sum + value, 0) - (score - baselineScore);

/** The layer that a context names, as the file calls it. */
export const layerName = ({ model, layer }: { readonly model: Model; readonly layer?: string }): string | undefined =>
  layer === undefined ? undefined : model.resolve(layer);
