// methods.ts: the table of attribution methods. A method is a file beside this one and a row here.

import { ModelError, nearest, quoted } from '../../models/error.ts';
import { gradCam } from './gradCam.ts';
import { gradient, inputXGradient } from './gradient.ts';
import { integratedGradients } from './integratedGradients.ts';
import type { Method } from './method.ts';

export const methods = {
  gradient,
  'input-x-gradient': inputXGradient,
  'integrated-gradients': integratedGradients,
  'grad-cam': gradCam,
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;

export function findMethod(name: string): Method {
  if (Object.hasOwn(methods, name)) return methods[name as MethodName];
  throw new ModelError(
    `there is no attribution method "${name}". Near: ${quoted(nearest(name, Object.keys(methods)))}.`,
  );
}
