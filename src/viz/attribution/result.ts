// result.ts: what every attribution method returns.

export interface Attribution {
  readonly method: string;
  /** In the model file's own layout: [1,C,H,W] over the input, a layer's own shape over a layer, [1,features] for features. */
  readonly values: Float32Array;
  readonly shape: readonly number[];
  /** Class that is explained; undefined where a unit is. */
  readonly target?: number;
  /** What is explained (the target's logit, or the unit), at the input. */
  readonly score: number;
  /** The same at the baseline, where the method has one. */
  readonly baselineScore?: number;
  /** Layer whose activations are explained, where it is not the input. */
  readonly layer?: string;
  /** Feature of each pixel [H*W], where `values` are one a feature. */
  readonly features?: Int32Array;
  /** All channels of a pixel carry the same value: the pixel's, which is no sum over them. */
  readonly alike?: boolean;
  /** Σ values - (score - baselineScore), where the method promises that it is 0. */
  readonly delta?: number;
  /** Standard error of each value, where they are estimated from samples. */
  readonly standardErrors?: Float32Array;
  /** Where the values are slopes of a model fitted to the score: its score of nothing, and its weighted R². */
  readonly fit?: { readonly intercept: number; readonly rSquared: number };
  /** Values may be negative, and their sign has a meaning: draw with a diverging colour map. */
  readonly signed: boolean;
  /** Runs of the network, forward or forward and backward, counted in pictures. */
  readonly evaluations: number;
  /** Of `attribute`; compilation is part of `prepare`. The first call on a device may still include its driver's own. */
  readonly millis: number;
  /** Where chance takes part. */
  readonly seed?: number;
}
