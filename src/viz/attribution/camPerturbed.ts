// camPerturbed.ts: class activation maps without gradients: channels weighed by what the score does when only they are
// shown (Score-CAM), when they are silenced (Ablation-CAM), or by how the activations vary (Eigen-CAM).

import type { Program } from '../../engine/gpu/program.ts';
import { type Computation, computation, Graph } from '../../engine/graph.ts';
import { mul, reshape } from '../../engine/ops/index.ts';
import type { Shape } from '../../kernels/types.ts';
import { softmaxOf } from '../../models/run.ts';
import { resizeBilinear } from '../render/maps.ts';
import { baselineOption, makeBaseline } from './baseline.ts';
import { batchFor } from './batch.ts';
import { camLayer, camRelu } from './cam.ts';
import type { AttributionRequest, Attributor, Method } from './method.ts';
import { withDefaults } from './options.ts';
import { joined, pipelined } from './pipelined.ts';
import { principalDirection } from './principal.ts';
import type { Attribution } from './result.ts';
import { Scorer } from './scorer.ts';
import { compileFor, type Context, inputShape, makeBeside, targetInput, traceSubject } from './subject.ts';

/** The activations of a layer and the score, for one picture. */
class Activations {
  private constructor(
    private readonly context: Context,
    private readonly program: Program,
    readonly layer: string,
    /** [1,h,w,K] */
    readonly shape: Shape,
  ) {}

  static async create(context: Context): Promise<Activations> {
    const layer = camLayer(context);
    const x = new Graph().input('x', inputShape(context));
    const { at, scores } = traceSubject({ ...context, layer }, x);
    const program = await compileFor(context, computation({ at, scores }), 'activations');
    return new Activations(context, program, layer, at.shape);
  }

  /** Channels last. */
  async read({ input, target }: AttributionRequest): Promise<{ at: Float32Array; score: number }> {
    const { at, scores } = await this.program.evaluate({ x: input, ...targetInput(this.context, target) });
    return { at, score: scores[0] };
  }

  dispose(): void {
    this.program.dispose();
  }
}

/** Σ_k weights[k] A_k of A: [h,w,K], with a ReLU on request. */
function weighted(at: Float32Array, weights: ArrayLike<number>, relu: boolean): Float32Array {
  const K = weights.length;
  const map = new Float32Array(at.length / K);
  for (let i = 0; i < map.length; i++) {
    let total = 0;
    for (let k = 0; k < K; k++) total += weights[k] * at[i * K + k];
    map[i] = relu ? Math.max(0, total) : total;
  }
  return map;
}

interface Weighing {
  /** One weight a channel; fewer where the signal came. */
  weigh(at: Float32Array, score: number, request: AttributionRequest): Promise<ArrayLike<number>>;
  readonly evaluations: number;
  dispose(): void;
}

/** The attributor of a method that finds weights of channels. */
async function weighing(
  name: string,
  context: Context,
  relu: boolean,
  prepare: (activations: Activations) => Promise<Weighing>,
): Promise<Attributor> {
  const activations = await Activations.create(context);
  const { layer, shape } = activations;
  const weights = await makeBeside(activations, () => prepare(activations));
  return {
    async attribute(request): Promise<Attribution> {
      const start = performance.now();
      const { at, score } = await activations.read(request);
      const found = await weights.weigh(at, score, request);
      return {
        method: name,
        values: weighted(at, found, relu),
        shape: [1, 1, shape[1], shape[2]],
        target: context.unit ? undefined : request.target,
        score,
        layer,
        signed: !relu,
        evaluations: 1 + weights.evaluations,
        millis: performance.now() - start,
      };
    },
    dispose: () => {
      activations.dispose();
      weights.dispose();
    },
  };
}

const scoreOptions = { relu: camRelu, baseline: baselineOption() };

/** Wang et al. 2020, algorithm 1: weights are the softmax of the scores of the picture masked by each channel's map. */
export const scoreCam: Method<typeof scoreOptions> = {
  title: 'Score-CAM',
  description: "channels weighed by the score of the picture seen through each channel's map",
  source: 'Wang et al. 2020, https://arxiv.org/abs/1910.01279',
  family: 'cam',
  takesLayer: true,
  options: scoreOptions,
  prepare(context, given) {
    const { relu, baseline } = withDefaults(scoreOptions, given);
    const { layer: _, ...subject } = context;
    const [, H, W, C] = inputShape(context);
    return weighing('score-cam', context, relu, async ({ shape: [, h, w, K] }) => {
      const scorer = await Scorer.create(subject, K);
      return {
        evaluations: K,
        async weigh(at, _, request) {
          const absent = makeBaseline(baseline, request.input, [H, W, C], context.seed);
          const picture = { input: request.input, baseline: absent, target: request.target };
          const mask = (k: number, row: Float32Array): void => {
            const map = Float32Array.from({ length: h * w }, (_, i) => at[i * K + k]);
            const large = resizeBilinear(map, [h, w], [H, W]);
            const low = large.reduce((a, b) => Math.min(a, b));
            const range = large.reduce((a, b) => Math.max(a, b)) - low;
            // A map that is the same everywhere shows nothing.
            if (range > 0) row.set(large.map((value) => (value - low) / range));
          };
          const scores = await scorer.score(picture, K, mask, request);
          if (scores.length < K) request.signal?.throwIfAborted();
          return softmaxOf(scores);
        },
        dispose: () => scorer.dispose(),
      };
    });
  },
};

/** From the layer on, with channels multiplied by a row of `gains` each. */
function traceHead(context: Context, layer: string, shape: Shape, batch: number): Computation {
  const graph = new Graph();
  const at = graph.input('at', shape);
  const gains = reshape(graph.input('gains', [batch, shape[3]]), [batch, 1, 1, shape[3]]);
  // What lies before the layer is not computed: nothing reads it.
  const x = graph.input('x', inputShape(context, batch));
  return computation({ scores: traceSubject({ ...context, layer }, x, () => mul(at, gains)).scores });
}

const ablationOptions = { relu: camRelu };

/** Ramaswamy and Desai 2020, eq. 3: w_k = (y - y_k) / y, y_k the score with channel k silenced. */
export const ablationCam: Method<typeof ablationOptions> = {
  title: 'Ablation-CAM',
  description: 'channels weighed by how far the score drops when each is silenced',
  source: 'Ramaswamy and Desai 2020, https://doi.org/10.1109/WACV45572.2020.9093360',
  family: 'cam',
  takesLayer: true,
  options: ablationOptions,
  prepare(context, given) {
    const { relu } = withDefaults(ablationOptions, given);
    return weighing('ablation-cam', context, relu, async ({ layer, shape }) => {
      const K = shape[3];
      const label = 'silenced channels';
      const batch = batchFor(context, K, (n) => traceHead(context, layer, shape, n), label);
      const program = await compileFor(context, traceHead(context, layer, shape, batch), label);
      return {
        evaluations: K,
        async weigh(at, score, request) {
          for (const [name, data] of Object.entries({ at, ...targetInput(context, request.target) })) {
            program.write(name, data);
          }
          const gains = new Float32Array(batch * K);
          const parts = await pipelined(
            Math.ceil(K / batch),
            async (replay) => {
              gains.fill(1);
              for (let i = 0; i < batch && replay * batch + i < K; i++) gains[i * K + replay * batch + i] = 0;
              return (await program.evaluate({ gains }, ['scores'])).scores;
            },
            request,
          );
          const silenced = joined(parts, batch, K);
          if (silenced.length < K) request.signal?.throwIfAborted();
          return silenced.map((value) => (score - value) / (score || 1));
        },
        dispose: () => program.dispose(),
      };
    });
  },
};

/** Muhammad and Yeasin 2020, section 3: the activations projected on their first principal direction; asks for no class. */
export const eigenCam: Method<typeof ablationOptions> = {
  title: 'Eigen-CAM',
  description: 'activations along their main direction: what the layer sees, whatever the class',
  source: 'Muhammad and Yeasin 2020, https://arxiv.org/abs/2008.00299',
  family: 'cam',
  takesLayer: true,
  options: ablationOptions,
  prepare(context, given) {
    const { relu } = withDefaults(ablationOptions, given);
    return weighing('eigen-cam', context, relu, async ({ shape: [, , , K] }) => ({
      evaluations: 0,
      weigh: async (at) => principalDirection(at, K),
      dispose: () => {},
    }));
  },
};
