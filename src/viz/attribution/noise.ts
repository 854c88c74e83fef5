// noise.ts: SmoothGrad and its kin: any method's maps of noisy copies of the input, averaged (Smilkov et al. 2017, section
// 3.2), squared and averaged, or their variance (Adebayo et al. 2018, section 2).

import { add, mul, randomNormal, reshape } from '../../engine/ops/index.ts';
import { normalNumbers } from '../../kernels/random.ts';
import type { Attributor, Method } from './method.ts';
import { choice, count, real, withDefaults } from './options.ts';
import { Sampler } from './sampled.ts';
import { scoreReader } from './score.ts';
import { type Context, inputShape, targetInput } from './subject.ts';
import { isTraced, type TracedMethod } from './traced.ts';

export type NoiseKind = 'smoothgrad' | 'smoothgrad-squared' | 'vargrad';

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

/** What was summed over the samples: maps and their squares. */
interface Moments {
  readonly sum: ArrayLike<number>;
  readonly squares: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** Makes ready what sums a method's maps over noisy copies; `sigma` in the input's units. */
interface NoisyMaps {
  readonly layer?: string;
  readonly signed: boolean;
  run(request: Parameters<Attributor['attribute']>[0], sigma: number): Promise<Moments & { evaluations: number }>;
  dispose(): void;
}

const STREAM = 31;

/** On the device, noise and all. */
async function tracedMaps(context: Context, base: TracedMethod, samples: number): Promise<NoisyMaps> {
  const { seed = 0 } = context;
  const options = withDefaults(base.options);
  const sampler = await Sampler.create(context, {
    label: 'noisy copies',
    samples,
    knobs: ['sigma'],
    squares: true,
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
      const { sum, squares, shape } = await sampler.run(inputs, { sigma: even.map(() => sigma) }, even, request);
      return { sum, squares: squares as Float32Array, shape, evaluations: samples };
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
      let [sum, squares]: [Float64Array, Float64Array] = [new Float64Array(), new Float64Array()];
      let shape: readonly number[] = [];
      let evaluations = 0;
      for (let k = 0; k < samples; k++) {
        signal?.throwIfAborted();
        const noise = normalNumbers(input.length, { seed, stream: STREAM }, k);
        const noisy = input.map((value, i) => value + sigma * noise[i]);
        const map = await attributor.attribute({ input: noisy, target, signal });
        if (k === 0) [sum, squares] = [new Float64Array(map.values.length), new Float64Array(map.values.length)];
        map.values.forEach((value, i) => {
          sum[i] += value;
          squares[i] += value * value;
        });
        ({ shape, layer, signed } = map);
        evaluations += map.evaluations;
        progress?.(k + 1, samples);
      }
      return { sum, squares, shape, evaluations };
    },
    dispose: () => attributor.dispose(),
  };
}

/** Spread of the input, which sigma is a share of. */
export const rangeOf = (input: Float32Array): number =>
  input.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) -
  input.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

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
      const maps = await (isTraced(base) ? tracedMaps : repeatedMaps)(context, base as TracedMethod, samples);
      const reader = await scoreReader(context);
      return {
        async attribute(request) {
          const start = performance.now();
          const { sum, squares, shape, evaluations } = await maps.run(request, sigma * rangeOf(request.input));
          const mean = Float64Array.from(sum, (value) => value / samples);
          const variance = Float64Array.from(squares, (value, i) => Math.max(0, value / samples - mean[i] ** 2));
          const values = {
            smoothgrad: () => mean,
            'smoothgrad-squared': () => Float64Array.from(squares, (value) => value / samples),
            vargrad: () => variance,
          }[kind]();
          const score = await reader.read(request);
          return {
            method: kind,
            values: Float32Array.from(values),
            shape,
            target: context.unit ? undefined : request.target,
            score,
            layer: maps.layer,
            signed: kind === 'smoothgrad' && maps.signed,
            // That of a mean of independent maps.
            ...(kind === 'smoothgrad' &&
              samples > 1 && { standardErrors: Float32Array.from(variance, (v) => Math.sqrt(v / (samples - 1))) }),
            evaluations,
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
