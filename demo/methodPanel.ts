// methodPanel.ts: any attribution method on the picture that is shown: its menu, layer and options, the map as it forms, and
// its numbers. A prepared program is kept while network, size, method, options and layer stay.

import {
  type Attribution,
  attributionMap,
  type Attributor,
  type Device,
  drawAttribution,
  type Method,
  type Model,
  methods,
  unlessAborted,
} from '../src/index.ts';
import { byId, create, nextFrame, option, range, short } from './dom.ts';
import { type Explained, finite } from './explainer.ts';
import { Latest } from './latest.ts';
import { type MethodControls, methodControls } from './methodControls.ts';
import { classNames, layerGroups } from './networks.ts';
import { paint } from './pictures.ts';
import { attempt, clearError, say } from './status.ts';

const FAMILIES = { gradient: 'Gradients', cam: 'Class activation maps', perturbation: 'Perturbation' } as const;
const FIRST: keyof typeof methods = 'integrated-gradients';

/** Milliseconds between two drawings of an estimate. */
const DRAW_MILLIS = 250;

const entries = Object.entries(methods) as [string, Method][];

const menu = byId('select', 'method');
const layer = byId('select', 'method-layer');
const run = byId('button', 'method-run');
const bar = byId('progress', 'method-bar');
const figure = byId('figure', 'method-figure');
const canvas = byId('canvas', 'method-map');
const isOver = byId('input', 'method-overlay');

/** What was asked for. */
interface Wish {
  readonly subject: Explained;
  readonly name: string;
  readonly method: Method;
  readonly options: Record<string, unknown>;
  readonly layer?: string;
}

export class MethodPanel {
  private model: Model | undefined;
  private subject: Explained | undefined;
  private controls: MethodControls;
  private prepared: { readonly attributor: Attributor; readonly model: Model; readonly key: string } | undefined;
  /** Ends the run that goes on. */
  private going: AbortController | undefined;
  private drawn: { readonly subject: Explained; readonly attribution: Attribution } | undefined;
  private readonly tasks = new Latest();

  constructor(private readonly device: Device) {
    for (const [family, title] of Object.entries(FAMILIES)) {
      const own = entries.filter(([, method]) => method.family === family);
      menu.append(create('optgroup', { label: title }, ...own.map(([name, method]) => option(name, method.title))));
    }
    menu.value = FIRST;
    this.controls = this.showMethod();
    menu.addEventListener('change', () => {
      clearError();
      this.going?.abort();
      this.controls = this.showMethod();
      this.showLayers();
    });
    byId('form', 'method-form').addEventListener('submit', (event) => {
      event.preventDefault();
      clearError();
      if (this.going) this.going.abort();
      else void attempt(() => this.start());
    });
    isOver.addEventListener('change', () => this.draw());
  }

  /** Fits the menu of layers to a network, and frees what belonged to another. */
  setModel(model: Model): void {
    this.model = model;
    this.going?.abort();
    void this.tasks.push(async () => this.discard());
    this.showLayers();
  }

  /** Another picture, class or network: what was found of the one before is withdrawn. */
  setSubject(subject: Explained | undefined): void {
    this.going?.abort();
    this.drawn = undefined;
    figure.hidden = true;
    this.subject = subject;
  }

  /** Until `resume` no method runs; resolves when the one that runs has ended. */
  async rest(): Promise<void> {
    run.disabled = true;
    this.going?.abort();
    while (this.going) await nextFrame();
  }

  resume(): void {
    run.disabled = false;
  }

  private get method(): Method {
    return methods[menu.value as keyof typeof methods];
  }

  private showMethod(): MethodControls {
    const { method } = this;
    const controls = methodControls(method);
    byId('p', 'method-about').textContent =
      `${capital(method.description)} (${method.source.replace(/, https:\S*/g, '')}).`;
    byId('div', 'method-options').replaceChildren(...controls.elements);
    byId('details', 'method-more').hidden = controls.elements.length === 0;
    return controls;
  }

  private showLayers(): void {
    const { model } = this;
    const { takesLayer, family } = this.method;
    byId('label', 'method-layer-label').hidden = !takesLayer;
    if (!model) return;
    const chosen = layer.value;
    layer.replaceChildren(
      option('', family === 'cam' ? 'last with maps' : 'the picture itself'),
      ...layerGroups(model, true).map(({ title, layers }) =>
        create('optgroup', { label: title }, ...layers.map(({ name }) => option(name))),
      ),
    );
    layer.value = chosen;
    if (layer.value !== chosen) layer.value = '';
  }

  private start(): void {
    const { subject, method, controls } = this;
    if (!subject) return;
    byId('details', 'method-more').open ||= byId('div', 'method-options').querySelector('[aria-invalid]') !== null;
    const wish: Wish = {
      subject,
      name: menu.value,
      method,
      options: controls.read(),
      layer: method.takesLayer ? layer.value || undefined : undefined,
    };
    const going = new AbortController();
    this.going = going;
    run.textContent = 'Stop';
    void this.tasks.push(async () => {
      await attempt(() => this.explain(wish, going.signal));
      say('method', '');
      bar.hidden = true;
      canvas.ariaBusy = 'false';
      if (this.going === going) this.going = undefined;
      if (!this.going) run.textContent = 'Run';
    });
  }

  private async explain(wish: Wish, signal: AbortSignal): Promise<void> {
    const { subject, method } = wish;
    if (this.subject !== subject) return;
    say('method', `${method.title}…`, true);
    bar.removeAttribute('value');
    bar.hidden = false;
    canvas.ariaBusy = 'true';
    await nextFrame();
    let [done, total, drawn] = [0, 0, 0];
    try {
      const attributor = await this.prepare(wish, signal);
      const attribution = await attributor.attribute({
        input: subject.input,
        target: subject.target,
        signal,
        progress: (...[count, all, soFar]) => {
          [done, total] = [count, all];
          bar.max = all;
          bar.value = count;
          if (!soFar || performance.now() - drawn < DRAW_MILLIS || signal.aborted) return;
          this.show(wish, soFar(), `after ${count} of ${all}`);
          drawn = performance.now();
        },
      });
      this.show(wish, finite(attribution), signal.aborted && done < total ? `stopped at ${done} of ${total}` : '');
    } catch (error) {
      if (error !== signal.reason) throw error;
      if (this.subject !== subject) return;
      // What was drawn before stays: it is of the same picture and says which method it is of.
    }
  }

  private async prepare(
    { subject: { model, size }, name, method, options, layer }: Wish,
    signal: AbortSignal,
  ): Promise<Attributor> {
    const key = JSON.stringify([size, name, options, layer]);
    if (this.prepared?.model === model && this.prepared.key === key) return this.prepared.attributor;
    this.discard();
    const prepared = method.prepare({ device: this.device, model, size, layer }, options);
    const attributor = await unlessAborted(prepared, signal, (late) => late.dispose());
    this.prepared = { attributor, model, key };
    return attributor;
  }

  private discard(): void {
    this.prepared?.attributor.dispose();
    this.prepared = undefined;
  }

  private show({ subject, method, options, layer }: Wish, attribution: Attribution, state: string): void {
    if (this.subject !== subject) return;
    this.drawn = { subject, attribution };
    figure.hidden = false;
    this.draw();
    canvas.ariaBusy = 'false';
    // A method that begins with a channel explains no class.
    const name =
      attribution.target === undefined ? `${layer}:${options.channel}` : classNames(subject.model)[attribution.target];
    byId('span', 'method-caption').textContent = `${method.title} of ${name}${state && `, ${state}`}`;
    byId('dl', 'method-numbers').replaceChildren(
      ...numbersOf(attribution, subject.size).flatMap(([term, text]) => [
        create('dt', { textContent: term }),
        create('dd', { textContent: text, className: 'numbers' }),
      ]),
    );
  }

  private draw(): void {
    if (!this.drawn) return;
    const { subject, attribution } = this.drawn;
    paint(canvas, drawAttribution(subject.shown, attribution, { view: isOver.checked ? 'overlay' : 'map' }));
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function numbersOf(attribution: Attribution, size: readonly [number, number]): [string, string][] {
  const { score, baselineScore, delta, standardErrors, fit, evaluations, millis, layer } = attribution;
  const [low, high] = range(attributionMap(attribution, size).data);
  const rows: [string, string | undefined][] = [
    ['Map', `${short(low)} to ${short(high)}${layer === undefined ? '' : ` at ${layer}`}`],
    ['Score', short(score)],
    ['At the baseline', baselineScore === undefined ? undefined : short(baselineScore)],
    ['Delta', delta === undefined ? undefined : short(delta)],
    ['Standard error', standardErrors && `up to ${short(range(standardErrors)[1])}`],
    ['Fit', fit && `R² ${short(fit.rSquared)}`],
    ['Evaluations', String(evaluations)],
    ['Time', millis < 1000 ? `${Math.round(millis)} ms` : `${(millis / 1000).toFixed(1)} s`],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}
