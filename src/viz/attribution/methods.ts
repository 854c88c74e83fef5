// methods.ts: the table of attribution methods. A method is a file beside this one and a row here.

import { ModelError, nearest, quoted } from '../../models/error.ts';
import { featureAblation } from './ablation.ts';
import { blurIg } from './blurIg.ts';
import { gradCam, gradCamPlusPlus, guidedGradCam, hiResCam, layerCam, xGradCam } from './cam.ts';
import { ablationCam, eigenCam, scoreCam } from './camPerturbed.ts';
import { deepLift } from './deepLift.ts';
import { gradient, inputXGradient } from './gradient.ts';
import { gradientShap } from './gradientShap.ts';
import { deconvnet, guidedBackprop } from './guided.ts';
import { guidedIg } from './guidedIg.ts';
import { integratedGradients } from './integratedGradients.ts';
import { lime } from './lime.ts';
import { lrp } from './lrp.ts';
import type { Method } from './method.ts';
import { noiseMethod } from './noise.ts';
import { occlusion } from './occlusion.ts';
import { rise } from './rise.ts';
import { shapley } from './shapley.ts';
import { xrai } from './xrai.ts';

/** Methods that look at a picture as it is. */
const plainMethods = {
  gradient,
  'input-x-gradient': inputXGradient,
  'integrated-gradients': integratedGradients,
  'gradient-shap': gradientShap,
  'blur-ig': blurIg,
  'guided-ig': guidedIg,
  xrai,
  'guided-backprop': guidedBackprop,
  deconvnet,
  deeplift: deepLift,
  lrp,
  'grad-cam': gradCam,
  'grad-cam++': gradCamPlusPlus,
  'hires-cam': hiResCam,
  'layer-cam': layerCam,
  'xgrad-cam': xGradCam,
  'score-cam': scoreCam,
  'ablation-cam': ablationCam,
  'eigen-cam': eigenCam,
  'guided-grad-cam': guidedGradCam,
} as const satisfies Record<string, Method>;

export const methods = {
  ...plainMethods,
  smoothgrad: noiseMethod('smoothgrad', plainMethods),
  'smoothgrad-squared': noiseMethod('smoothgrad-squared', plainMethods),
  vargrad: noiseMethod('vargrad', plainMethods),
  occlusion,
  'feature-ablation': featureAblation,
  shapley,
  lime,
  rise,
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;

export function findMethod(name: string): Method {
  if (Object.hasOwn(methods, name)) return methods[name as MethodName];
  throw new ModelError(
    `there is no attribution method "${name}". Near: ${quoted(nearest(name, Object.keys(methods)))}.`,
  );
}
