// explainer.ts: what a network makes of a picture: its classes, and for one of them the gradient and Grad-CAM.
// Programs are kept while network and input size stay, so another class or picture costs no compilation.

import {
  type Attribution,
  type Attributor,
  attributionMap,
  type Device,
  drawAttribution,
  inputSize,
  methods,
  type Model,
  pixelsToRgb,
  preprocessRgb,
  Runner,
  softmaxOf,
  takesPictures,
  toPixels,
} from '../src/index.ts';
import { nextFrame, range } from './dom.ts';
import { Latest } from './latest.ts';
import type { Picture } from './pictures.ts';
import { attempt, PageError, say } from './status.ts';

type Pixels = ReturnType<typeof toPixels>;

export interface HeatMap {
  readonly pixels: Pixels;
  /** Smallest and largest value of the map. */
  readonly range: readonly [number, number];
  readonly layer?: string;
}

/** What the page is shown, part by part as it becomes known. */
export interface Findings {
  picture(pixels: Pixels): void;
  /** Probabilities of all classes, and the class that will be explained. */
  classes(probabilities: Float64Array, target: number): void;
  gradient(map: HeatMap): void;
  cam(map: HeatMap): void;
  /** What further methods may explain; nothing while another picture or class is on its way. */
  subject(subject: Explained | undefined): void;
}

/** A picture, and the class that is explained. */
export interface Explained {
  readonly model: Model;
  readonly size: readonly [number, number];
  /** The picture as the network takes it, and its numbers [H,W,C]. */
  readonly shown: Pixels;
  readonly input: Float32Array;
  readonly target: number;
}

/** Programs for one network and input size. */
interface Prepared {
  readonly model: Model;
  readonly inputShape: readonly number[];
  readonly classifier: Runner;
  gradient?: Attributor;
  cam?: Attributor;
  camLayer?: string;
}

export class Explainer {
  private model: Model | undefined;
  private picture: Picture | undefined;
  /** The class chosen by the user; the likeliest otherwise. */
  private chosen: number | undefined;
  private camLayer: string | undefined;
  private prepared: Prepared | undefined;
  /** How often network, picture or class have changed; and the change that the subject for further methods belongs to. */
  private changes = 0;
  private offered = 0;
  private readonly tasks = new Latest();

  constructor(
    private readonly device: Device,
    private readonly findings: Findings,
  ) {}

  setModel(model: Model): Promise<void> {
    this.model = model;
    this.camLayer = undefined;
    this.chosen = undefined;
    return this.change();
  }

  setPicture(picture: Picture): Promise<void> {
    this.picture = picture;
    this.chosen = undefined;
    return this.change();
  }

  setTarget(target: number): Promise<void> {
    this.chosen = target;
    return this.change();
  }

  /** An empty name means the last layer with an extent in space. */
  setCamLayer(layer: string): Promise<void> {
    this.camLayer = layer || undefined;
    return this.update();
  }

  private change(): Promise<void> {
    this.changes++;
    this.findings.subject(undefined);
    return this.update();
  }

  private update(): Promise<void> {
    return this.tasks.push(async () => {
      await attempt(() => this.explain());
      say('picture', '');
    });
  }

  private async explain(): Promise<void> {
    const { model, picture, camLayer, changes } = this;
    if (this.prepared?.model !== model) this.discard();
    if (!model || !picture || !takesPictures(model.input.channels)) return;
    const size = inputSize(model, picture);
    const rgb = pixelsToRgb(picture, size);
    const shown = toPixels(rgb, [1, ...size, 3]);
    this.findings.picture(shown);
    say('picture', 'Looking at the picture…', true);
    await nextFrame();

    const { data: input, shape: inputShape } = preprocessRgb(rgb, model.preprocess, size);
    const prepared = await this.prepare(model, inputShape);
    const { output } = await prepared.classifier.run(input);
    if (output.shape.length !== 2)
      throw new PageError('The output of this network is a map and no list of classes: there is no class to explain.');
    if (!output.data.every(Number.isFinite))
      throw new PageError('The network answers with numbers that are not finite.');
    const probabilities = softmaxOf(output.data);
    const target = this.chosen ?? probabilities.indexOf(Math.max(...probabilities));
    this.findings.classes(probabilities, target);
    if (changes === this.changes && changes !== this.offered) {
      this.offered = changes;
      this.findings.subject({ model, size, shown, input, target });
    }

    const context = { device: this.device, model, size };
    prepared.gradient ??= await methods.gradient.prepare(context);
    const slope = finite(await prepared.gradient.attribute({ input, target }));
    const slopes = attributionMap(slope, size);
    this.findings.gradient({ pixels: drawAttribution(shown, slope, { view: 'map' }), range: range(slopes.data) });
    await nextFrame();

    if (!prepared.cam || prepared.camLayer !== camLayer) {
      prepared.cam?.dispose();
      prepared.cam = undefined;
      prepared.cam = await methods['grad-cam'].prepare({ ...context, layer: camLayer });
      prepared.camLayer = camLayer;
    }
    const cam = finite(await prepared.cam.attribute({ input, target }));
    this.findings.cam({ pixels: drawAttribution(shown, cam), range: range(cam.values), layer: cam.layer });
  }

  private async prepare(model: Model, inputShape: readonly number[]): Promise<Prepared> {
    const { prepared } = this;
    if (prepared?.model === model && `${prepared.inputShape}` === `${inputShape}`) return prepared;
    this.discard();
    this.prepared = { model, inputShape, classifier: await Runner.create(this.device, model, inputShape) };
    return this.prepared;
  }

  private discard(): void {
    this.prepared?.classifier.dispose();
    this.prepared?.gradient?.dispose();
    this.prepared?.cam?.dispose();
    this.prepared = undefined;
  }
}

/** Throws for an attribution that is no use. */
export function finite(attribution: Attribution): Attribution {
  if (attribution.values.every(Number.isFinite)) return attribution;
  throw new PageError(`The ${attribution.method} of this class holds numbers that are not finite.`);
}
