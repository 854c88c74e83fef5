// result.ts: what every attribution method returns.

export interface Attribution {
  readonly method: string;
  /** In the model file's own layout: [N,C,H,W] for maps over the input, [N,1,h,w] for maps over a layer. */
  readonly values: Float32Array;
  readonly shape: readonly number[];
  readonly target: number;
  /** The target's logit. */
  readonly score: number;
  /** Layer whose activations are explained, where it is not the input. */
  readonly layer?: string;
  /** |Σ values - (f(x) - f(baseline))| where the method promises completeness. */
  readonly delta?: number;
  /** Runs of the network, forward or forward and backward. */
  readonly evaluations: number;
  readonly millis: number;
}
