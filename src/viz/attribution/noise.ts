// noise.ts: SmoothGrad and its kin: any method's maps of noisy copies of the input, averaged (Smilkov et al. 2017, section
// 3.2), squared and averaged, or their variance (Adebayo et al. 2018, section 2).

import { add, mul, randomNormal, reshape } from '../../engine/ops/index.ts';
import { normalNumbers } from '../../kernels/random.ts';
import type { AttributionRequest, Method } from './method.ts';
import { choice, count, real, withDefaults } from './options.ts';
import { Sampler } from './sampled.ts';
import { scoreReader } from './score.ts';
import { type Context, inputShape, makeBeside, targetInput } from './subject.ts';
import { isTraced, type TracedMethod } from './traced.ts';

type NoiseKind = 'smoothgrad' | 'smoothgrad-squared' | 'vargrad';

const TITLES: Record<NoiseKind, { title: string; description: string; source: string }> = {
  smoothgrad: {
    title: 'SmoothGrad',
    description: "mean of another method's maps over noisy copies of the input",
    source: 'Smilkov et al. 2017, https://arxiv.org/abs/1706.03825',
  },
  'smoothgrad-squared': {
    title: 'SmoothGrad²',
    description: 'the same of the squared maps',
    source: 'Hooker et al. 2019, https://arxiv.org/abs/1806.10758',
  },
  vargrad: {
    title: 'VarGrad',
    description: 'the variance of the maps',
    source: 'Adebayo et al. 2018, https://arxiv.org/abs/1810.03307',
  },
};

/** Sums over the samples of the first four powers of the maps; of a mean, two are enough. */
interface Moments {
  readonly powers: readonly ArrayLike<number>[];
  readonly shape: readonly number[];
  /** Fewer than were asked for where the signal came. */
  readonly samples: number;
  readonly evaluations: number;
}

/** Makes ready what sums a method's maps over noisy copies; `sigma` in the input's units. */
interface NoisyMaps {
  readonly layer?: string;
  readonly signed: boolean;
  /** At the signal, the sums so far; throws its reason where there are none. */
  run(request: AttributionRequest, sigma: number): Promise<Moments>;
  dispose(): void;
}

const STREAM = 31;

/** On the device, noise and all. */
async function tracedMaps(context: Context, base: TracedMethod, samples: number, kind: NoiseKind): Promise<NoisyMaps> {
  const { seed = 0 } = context;
  const options = withDefaults(base.options);
  const sampler = await Sampler.create(context, {
    label: 'noisy copies',
    samples,
    knobs: ['sigma'],
    squares: true,
    fourPowers: kind !== 'smoothgrad',
    partial: true,
    trace(x, { sigma }, step, batch) {
      const noise = randomNormal(step, [...inputShape(context, batch)], { seed, stream: STREAM });
      return base.trace(context, add(x, mul(noise, reshape(sigma, [batch, 1, 1, 1]))), options);
    },
  });
  return {
    layer: sampler.layer,
    signed: base.signed(options),
    async run(request, sigma) {
      const inputs = {
        x: request.input,
        ...targetInput(context, request.target),
        ...base.inputs?.(context, request, options),
      };
      const even = new Array<number>(samples).fill(1);
      const knobs = { sigma: even.map(() => sigma) };
      const { sum, squares, cubes, fourths, shape, scores } = await sampler.run(inputs, knobs, even, request);
      const powers = [sum, squares, cubes, fourths].filter((sums) => sums !== undefined);
      return { powers, shape, samples: scores.length, evaluations: scores.length };
    },
    dispose: () => sampler.dispose(),
  };
}

/** Methods that are no graph are asked once a copy. */
async function repeatedMaps(context: Context, base: Method, samples: number): Promise<NoisyMaps> {
  const { seed = 0 } = context;
  const attributor = await base.prepare(context);
  let [layer, signed]: [string | undefined, boolean] = [undefined, true];
  return {
    get layer() {
      return layer;
    },
    get signed() {
      return signed;
    },
    async run({ input, target, signal, progress }, sigma) {
      let powers: Float64Array[] = [];
      let shape: readonly number[] = [];
      let [done, evaluations] = [0, 0];
      for (; done < samples && !(done > 0 && signal?.aborted); done++) {
        signal?.throwIfAborted();
        const noise = normalNumbers(input.length, { seed, stream: STREAM }, done);
        const noisy = input.map((value, i) => value + sigma * noise[i]);
        const map = await attributor.attribute({ input: noisy, target, signal }).catch((error) => {
          if (done === 0 || !signal?.aborted || error !== signal.reason) throw error;
        });
        // What was not finished is left out: neither the map of an estimate that ended early.
        if (!map || (done > 0 && signal?.aborted)) break;
        const { values } = map;
        if (done === 0) powers = [1, 2, 3, 4].map(() => new Float64Array(values.length));
        for (const [k, sums] of powers.entries()) for (let i = 0; i < sums.length; i++) sums[i] += values[i] ** (k + 1);
        ({ shape, layer, signed } = map);
        evaluations += map.evaluations;
        progress?.(done + 1, samples);
      }
      return { powers, shape, samples: done, evaluations };
    },
    dispose: () => attributor.dispose(),
  };
}

/** Spread of the input, which sigma is a share of. */
export const rangeOf = (input: Float32Array): number =>
  input.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) -
  input.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

/**
 * The estimate and, from two samples on, its standard error: of a mean of n independent maps sqrt((E g² - (E g)²)/(n - 1)),
 * of the mean of their squares the same of g², and of the variance σ², where μ₄ is the fourth central moment,
 * sqrt((μ₄ - σ⁴)/(n - 1)) (for large n, Cramér 1946, section 27.4).
 */
function estimate(
  kind: NoiseKind,
  { powers, samples: n }: Pick<Moments, 'powers' | 'samples'>,
): { values: Float32Array; standardErrors?: Float32Array } {
  const { length } = powers[0];
  const [values, squaredErrors] = [new Float32Array(length), new Float64Array(length)];
  for (let i = 0; i < length; i++) {
    const [m1, m2, m3, m4] = powers.map((sums) => sums[i] / n);
    const variance = Math.max(0, m2 - m1 ** 2);
    const fourth = m4 - 4 * m1 * m3 + 6 * m1 ** 2 * m2 - 3 * m1 ** 4;
    values[i] = { smoothgrad: m1, 'smoothgrad-squared': m2, vargrad: variance }[kind];
    squaredErrors[i] = { smoothgrad: variance, 'smoothgrad-squared': m4 - m2 ** 2, vargrad: fourth - variance ** 2 }[
      kind
    ];
  }
  if (n < 2) return { values };
  return { values, standardErrors: Float32Array.from(squaredErrors, (v) => Math.sqrt(Math.max(0, v) / (n - 1))) };
}

/** One of the three over any method of a table. The base method runs with its defaults. */
export function noiseMethod<Names extends string>(kind: NoiseKind, table: Readonly<Record<Names, Method>>) {
  const options = {
    base: choice(Object.keys(table) as Names[], 'gradient' as Names, 'method whose maps are averaged'),
    samples: count(25, 'noisy copies', 1, 100_000),
    sigma: real(0.15, "standard deviation of the noise, as a share of the input's range", 0, 10),
  };
  const method: Method<typeof options> = {
    ...TITLES[kind],
    family: 'gradient',
    takesLayer: true,
    options,
    async prepare(context, given) {
      const { base: name, samples, sigma } = withDefaults(options, given);
      const base: Method = table[name];
      // The small program first: the large one takes what is left of the memory, and cuts its batch to that.
      const reader = await scoreReader(context);
      const makeMaps = isTraced(base) ? tracedMaps : repeatedMaps;
      const maps = await makeBeside(reader, () => makeMaps(context, base as TracedMethod, samples, kind));
      return {
        async attribute(request) {
          const start = performance.now();
          const moments = await maps.run(request, sigma * rangeOf(request.input));
          // One map has no spread.
          if (kind === 'vargrad' && moments.samples < Math.min(2, samples)) request.signal?.throwIfAborted();
          const { values, standardErrors } = estimate(kind, moments);
          const score = await reader.read(request);
          return {
            method: kind,
            values,
            shape: moments.shape,
            target: context.unit ? undefined : request.target,
            score,
            layer: maps.layer,
            signed: kind === 'smoothgrad' && maps.signed,
            ...(standardErrors && { standardErrors }),
            evaluations: moments.evaluations,
            millis: performance.now() - start,
            seed: context.seed ?? 0,
          };
        },
        dispose: () => {
          maps.dispose();
          reader.dispose();
        },
      };
    },
  };
  return method;
}
