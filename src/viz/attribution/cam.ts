// cam.ts: class activation maps: where the evidence for a class lies in a layer. A are the activations of the layer, g the
// slope of the score at them, k a channel; each method is another way to weigh A by g.

import { Graph, type Value } from '../../engine/graph.ts';
import { add, div, greater, mean, mul, relu, reshape, sum, where } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';
import type { Model } from '../../models/model.ts';
import { slopeOf } from './gradient.ts';
import { guidedRules } from './guided.ts';
import { flag } from './options.ts';
import { type Context, inputShape, traceSubject } from './subject.ts';
import { tracedMethod } from './traced.ts';
import { upsample } from './upsample.ts';

/**
 * The last layer that still has an extent in space, where class evidence is most abstract and yet has a place; maps that are
 * the classes already (a last 1x1 convolution) only where there is nothing else.
 */
export function lastSpatialLayer(model: Model, size: readonly [number, number]): string {
  const { layers, layoutOf } = model.trace(new Graph().input('x', inputShape({ model, size })));
  // Products of attention have four axes too, but no places.
  const spatial = [...layers].filter(([name, { shape }]) => layoutOf(name) === 'nhwc' && shape[1] * shape[2] > 1);
  const inner = spatial.filter(([, { shape }]) => shape[3] !== model.classes);
  const [, last] = (inner.length > 0 ? inner : spatial).at(-1) ?? [];
  // A dropout behind it has the same value under another name.
  const found = spatial.find(([, { id }]) => id === last?.id);
  if (!found) throw new ModelError(`"${model.name}" has no layer with an extent in space, which CAM methods need.`);
  return found[0];
}

/** The layer of a CAM: the one given, which must have an extent, or the last one that has. */
export function camLayer({ model, size, layer }: Context): string {
  const name = layer === undefined ? lastSpatialLayer(model, size) : model.resolve(layer);
  const { shape } = model.layer(name);
  if (shape.length === 3) return name;
  throw new ModelError(`CAM methods need a layer with an extent in space; "${name}" is [${shape.join(',')}].`);
}

export const camRelu = flag(true, 'keep only what speaks for the class');

/** Sum over channels, [N,h,w,1]. */
const overChannels = (value: Value): Value => sum(value, [3], { keepDims: true });
const overPlaces = (value: Value): Value => sum(value, [1, 2], { keepDims: true });

/** a / b, 0 where b is 0. */
const ratio = (a: Value, b: Value): Value => where(greater(mul(b, b), 0), div(a, b), 0);

type Weigh = (A: Value, g: Value) => Value;

const weighings = {
  /** Σ_k (mean g_k) A_k: Selvaraju et al. 2017, section 3. */
  gradCam: (A, g) => overChannels(mul(A, mean(g, [1, 2], { keepDims: true }))),
  /**
   * Σ_k w_k A_k, w_k = Σ α ReLU(g), α = g² / (2 g² + Σ A g³): Chattopadhay et al. 2018, eq. 19, for the exponential of the
   * score, whose constant factor is left out.
   */
  gradCamPlusPlus: (A, g) => {
    const squares = mul(g, g);
    const alpha = ratio(squares, add(mul(squares, 2), mul(overPlaces(A), mul(squares, g))));
    return overChannels(mul(A, overPlaces(mul(alpha, relu(g)))));
  },
  /** Σ_k g_k A_k: Draelos and Carin 2020, section 3. */
  hiResCam: (A, g) => overChannels(mul(A, g)),
  /** Σ_k ReLU(g_k) A_k: Jiang et al. 2021, eq. 5. */
  layerCam: (A, g) => overChannels(mul(A, relu(g))),
  /** Σ_k w_k A_k, w_k = Σ g A / Σ A: Fu et al. 2020, eq. 7. */
  xGradCam: (A, g) => overChannels(mul(A, ratio(overPlaces(mul(g, A)), overPlaces(A)))),
} satisfies Record<string, Weigh>;

interface CamSpec {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly source: string;
}

const camMethod = (spec: CamSpec, weigh: Weigh) =>
  tracedMethod({
    ...spec,
    family: 'cam',
    takesLayer: true,
    options: { relu: camRelu },
    signed: (options) => !options.relu,
    trace(context, x, options) {
      const layer = camLayer(context);
      const subject = traceSubject({ ...context, layer }, x);
      const map = weigh(subject.at, slopeOf(subject));
      return { map: options.relu ? relu(map) : map, layout: 'nhwc', scores: subject.scores, layer };
    },
  });

export const gradCam = camMethod(
  {
    name: 'grad-cam',
    title: 'Grad-CAM',
    description: "a layer's activations, each channel weighed by its mean gradient",
    source: 'Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391',
  },
  weighings.gradCam,
);

export const gradCamPlusPlus = camMethod(
  {
    name: 'grad-cam++',
    title: 'Grad-CAM++',
    description: 'the same with weights that favour places of positive gradient; finds several objects of a class',
    source: 'Chattopadhay et al. 2018, https://arxiv.org/abs/1710.11063',
  },
  weighings.gradCamPlusPlus,
);

export const hiResCam = camMethod(
  {
    name: 'hires-cam',
    title: 'HiResCAM',
    description: 'activations times gradients, place by place: shows only places that the score used',
    source: 'Draelos and Carin 2020, https://arxiv.org/abs/2011.08891',
  },
  weighings.hiResCam,
);

export const layerCam = camMethod(
  {
    name: 'layer-cam',
    title: 'LayerCAM',
    description: 'activations times positive gradients, place by place; also for early layers',
    source: 'Jiang et al. 2021, https://doi.org/10.1109/TIP.2021.3089943',
  },
  weighings.layerCam,
);

export const xGradCam = camMethod(
  {
    name: 'xgrad-cam',
    title: 'XGrad-CAM',
    description: 'channels weighed by gradients averaged in proportion to activations',
    source: 'Fu et al. 2020, https://arxiv.org/abs/2008.02312',
  },
  weighings.xGradCam,
);

export const guidedGradCam = tracedMethod({
  name: 'guided-grad-cam',
  title: 'Guided Grad-CAM',
  description: 'guided backpropagation where Grad-CAM sees evidence',
  source: 'Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391',
  family: 'cam',
  takesLayer: true,
  options: { nearest: flag(false, "enlarge the map by repeating, Captum's way, in place of bilinearly") },
  signed: () => true,
  trace(context, x, { nearest }) {
    const layer = camLayer(context);
    const [N, H, W] = x.shape;
    const subject = traceSubject({ ...context, layer }, x);
    const cam = relu(weighings.gradCam(subject.at, slopeOf(subject)));
    const [, h, w] = cam.shape;
    const large = reshape(upsample(reshape(cam, [N, h, w]), [H, W], nearest ? 'nearest' : 'bilinear'), [N, H, W, 1]);
    const guided = slopeOf({ scores: subject.scores, at: x }, guidedRules);
    return { map: mul(guided, large), layout: 'nhwc', scores: subject.scores };
  },
});
