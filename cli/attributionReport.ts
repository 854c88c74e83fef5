// attributionReport.ts: what `facet attribute` found, as the members of a JSON object and as a line for people.

import type { Attribution } from '../src/index.ts';
import type { Row } from './inputs.ts';
import { duration } from './terminal.ts';

/** The class that is explained. */
export interface Target {
  readonly class: number;
  readonly label: string;
  readonly chosen: 'given' | 'likeliest';
}

/** The attribution of one picture; without a target where a unit or a channel is explained. */
export interface Found {
  readonly row: Row;
  readonly target?: Target;
  readonly attribution: Attribution;
}

const extreme = (values: Float32Array, pick: (a: number, b: number) => number): number =>
  values.reduce((a, b) => pick(a, b));

/** `unit` is what is explained where no class is. */
export function attributionJson({ row, target, attribution }: Found, unit: string | undefined) {
  const { layer, score, baselineScore, delta, standardErrors, fit, evaluations, millis, shape, values } = attribution;
  return {
    input: row.source,
    target,
    unit,
    ...(layer === undefined ? {} : { layer }),
    value: score,
    ...(baselineScore === undefined ? {} : { baselineValue: baselineScore }),
    ...(delta === undefined ? {} : { delta }),
    ...(standardErrors ? { standardError: extreme(standardErrors, Math.max) } : {}),
    ...(fit ? { rSquared: fit.rSquared } : {}),
    evaluations,
    milliseconds: millis,
    shape,
    minimum: extreme(values, Math.min),
    maximum: extreme(values, Math.max),
  };
}

export function attributionText(
  { input, target, unit, layer, value, delta, ...found }: ReturnType<typeof attributionJson>,
  { method, adapter }: { readonly method: string; readonly adapter: string },
): string {
  const { standardError, rSquared, minimum, maximum, evaluations, milliseconds } = found;
  return [
    `${input}: ${method} of `,
    target ? `${target.label} (${target.class}, ${target.chosen})` : unit,
    layer === undefined ? '' : ` at ${layer}`,
    `: value ${value.toFixed(4)}`,
    delta === undefined ? '' : `, delta ${delta.toExponential(2)}`,
    standardError === undefined ? '' : `, standard error up to ${standardError.toExponential(2)}`,
    rSquared === undefined ? '' : `, R² ${rSquared.toFixed(3)}`,
    `, from ${minimum.toPrecision(3)} to ${maximum.toPrecision(3)}`,
    `, ${evaluations} ${evaluations === 1 ? 'evaluation' : 'evaluations'}`,
    `, ${duration(milliseconds)} on ${adapter}`,
  ].join('');
}
