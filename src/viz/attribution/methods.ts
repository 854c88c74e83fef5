// methods.ts: the table of attribution methods. A method is a file beside this one and a row here.

import type { Device } from '../../engine/gpu/device.ts';
import { ModelError, nearest, quoted } from '../../models/error.ts';
import type { Model } from '../../models/model.ts';
import { gradCam } from './gradCam.ts';
import { gradient } from './gradient.ts';
import type { Attribution } from './result.ts';

/** What a method is asked. */
export interface AttributionRequest {
  /** Network input, [N,H,W,C] (see `preprocessPixels`). */
  readonly input: Float32Array;
  readonly inputShape: readonly number[];
  /** Class whose logit is explained. */
  readonly target: number;
  /** For methods that look at a layer. */
  readonly layer?: string;
  readonly relu?: boolean;
  readonly abs?: boolean;
  readonly signal?: AbortSignal;
}

/** A method made ready for one network and input shape; asking again costs no compilation. */
export interface Attributor {
  attribute(request: AttributionRequest): Promise<Attribution>;
  dispose(): void;
}

export interface Method {
  /** One line for help and menus. */
  readonly description: string;
  /** Options of the request that it heeds. */
  readonly options: readonly ('layer' | 'relu' | 'abs')[];
  prepare(device: Device, model: Model, inputShape: readonly number[], layer?: string): Promise<Attributor>;
}

export const methods = {
  gradient,
  'grad-cam': gradCam,
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;

export function findMethod(name: string): Method {
  if (Object.hasOwn(methods, name)) return methods[name as MethodName];
  throw new ModelError(
    `there is no attribution method "${name}". Near: ${quoted(nearest(name, Object.keys(methods)))}.`,
  );
}
