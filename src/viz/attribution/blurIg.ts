// blurIg.ts: integrated gradients on the path of blurs (Xu et al. 2020, eq. 6): BlurIG_i = -∫ ∂f/∂x_i (L_σ) ∂L_σ,i/∂σ dσ,
// from σ = 0 to max, L_σ the picture blurred by a Gaussian of σ pixels. What is absent is detail; no baseline is chosen.
//
// PAIR takes left Riemann sums, differences by σ of 0.01, and zeros around the picture. Here the derivative is exact and the
// edge insulated (scaleSpace.ts); the points are those of a quadrature, in σ.

import { mul, sub } from '../../engine/ops/index.ts';
import { slopeOf } from './gradient.ts';
import type { Method } from './method.ts';
import { optional, real, withDefaults } from './options.ts';
import { PathIntegral, pathOptions } from './pathIntegral.ts';
import { traceScaleSpace } from './scaleSpace.ts';
import { type Context, targetInput, traceSubject } from './subject.ts';

/** PAIR's 50 pixels, of pictures of 224. */
const LARGEST_SHARE = 50 / 224;

const largestSigma = ({ size: [H, W] }: Pick<Context, 'size'>): number => LARGEST_SHARE * Math.min(H, W);

const options = {
  ...pathOptions(100),
  maxSigma: optional(real(0, 'largest blur in pixels; by default 50 of 224 of the shorter side', 0, 10_000)),
};

export const blurIg: Method<typeof options> = {
  title: 'Blur integrated gradients',
  description: 'gradient on the way from a blurred picture to the sharp one, times what each blur takes away',
  source: 'Xu et al. 2020, https://arxiv.org/abs/2004.03383',
  family: 'gradient',
  takesLayer: false,
  options,
  async prepare(context, given) {
    const { maxSigma, ...path } = withDefaults(options, given);
    const most = maxSigma ?? largestSigma(context);
    const integral = await PathIntegral.create(context, {
      label: 'blur integrated gradients',
      options: path,
      trace(x, alpha) {
        // α = 1 is the picture itself; d/dα = -most d/dσ.
        const { blurred, slope } = traceScaleSpace(x, mul(most, sub(1, alpha)));
        const subject = traceSubject(context, blurred);
        const { layout, scores } = subject;
        return { map: mul(mul(slopeOf(subject), slope), -most), layout, scores };
      },
    });
    return {
      async attribute({ input, target, ...watch }) {
        const start = performance.now();
        return {
          method: 'blur-ig',
          ...(await integral.run({ x: input, ...targetInput(context, target) }, watch)),
          target: context.unit ? undefined : target,
          signed: true,
          millis: performance.now() - start,
        };
      },
      dispose: () => integral.dispose(),
    };
  },
};
