// main.ts: the page: opens the device and ties the parts together. All it knows of the engine is the public API.

import { type Device, type Model, shippedModels } from '../src/index.ts';
import * as controls from './controls.ts';
import { drawCurve } from './curve.ts';
import { byId, nextFrame, option, short } from './dom.ts';
import { listenForDrops, listenForFiles } from './drop.ts';
import { Explainer } from './explainer.ts';
import * as findings from './findings.ts';
import { describe, openFile, openShipped } from './networks.ts';
import { decodePicture, savePng } from './pictures.ts';
import { offerSamples } from './samples.ts';
import { openScreen, type Screen } from './screen.ts';
import { attempt, clearError, PageError, say, showDevice, showSpeed } from './status.ts';
import { type Listener, type State, Visualizer } from './visualizer.ts';

const networks = byId('select', 'network');
const toggle = byId('button', 'toggle');
const canvas = byId('canvas', 'canvas');

function start(device: Device, screen: Screen): void {
  const visualizer = new Visualizer(device, screen, listener);
  const explainer = new Explainer(device, findings.findings);

  function use(model: Model): void {
    void visualizer.clear();
    controls.show(model);
    findings.showModel(model);
    offerSamples(model, (picture) => {
      clearError();
      void explainer.setPicture(picture);
    });
    byId('dl', 'summary').replaceChildren(...describe(model).flatMap(([name, text]) => row(name, text)));
    void explainer.setModel(model);
    relabel();
  }

  /** Only the network that was asked for last is shown; where opening fails, the one before stays. */
  let asked = 0;
  async function open(name: string, load: () => Promise<Model>): Promise<boolean> {
    const turn = ++asked;
    clearError();
    say('network', `Opening ${name}…`, true);
    await nextFrame();
    const worked = await attempt(async () => {
      const model = await load();
      if (turn === asked) use(model);
    });
    if (turn === asked) say('network', '');
    return worked;
  }

  async function openOwn(file: File): Promise<void> {
    if (!(await open(file.name, () => openFile(file)))) return;
    networks.querySelector('option[data-own]')?.remove();
    const own = option('own', file.name);
    own.dataset.own = '';
    networks.append(own);
    networks.value = own.value;
    ownFile = file;
    shown = own.value;
  }
  let ownFile: File | undefined;
  let shown = '';

  async function openListed(): Promise<void> {
    const id = networks.value;
    const file = ownFile;
    if (await open(id, () => (id === 'own' && file ? openFile(file) : openShipped(id)))) shown = id;
    else networks.value = shown;
  }

  async function openPicture(file: File): Promise<void> {
    clearError();
    await attempt(async () => explainer.setPicture(await decodePicture(file)));
  }

  function begin(): void {
    clearError();
    void attempt(() => {
      void visualizer.begin(controls.readWish(), controls.readSteps());
    });
  }

  function relabel(): void {
    const wish = quietly(controls.readWish);
    const canContinue = wish !== undefined && visualizer.canContinue(wish);
    toggle.textContent = visualizer.isGoing ? 'Stop' : canContinue ? 'Continue' : 'Start';
    toggle.disabled = !controls.hasNetwork();
    byId('span', 'subject').textContent = wish ? wish.objective : 'it';
  }

  listener.onState = (state) => {
    const hasImage = state === 'running' || state === 'stopped';
    byId('p', 'placeholder').hidden = hasImage;
    canvas.style.visibility = hasImage ? '' : 'hidden';
    byId('button', 'restart').disabled = !hasImage;
    byId('button', 'save').disabled = !hasImage;
    byId('button', 'use-image').disabled = !hasImage;
    say(
      'image',
      state === 'stopped' ? `Stopped after ${visualizer.step} steps.` : STATES[state],
      state === 'compiling',
    );
    if (state !== 'running') showSpeed();
    relabel();
  };

  controls.listen(() => {
    relabel();
    if (visualizer.isGoing) return begin();
    clearError();
    void attempt(() => void controls.readWish());
  });
  findings.listen(explainer, clearError);
  toggle.addEventListener('click', () => {
    if (visualizer.isGoing) return visualizer.stop();
    clearError();
    return attempt(() => {
      const wish = controls.readWish();
      if (visualizer.canContinue(wish)) void visualizer.proceed(controls.readSteps());
      else begin();
    });
  });
  byId('button', 'restart').addEventListener('click', begin);
  byId('button', 'save').addEventListener('click', () =>
    attempt(async () => savePng(await visualizer.read(), controls.fileName(visualizer.step))),
  );
  byId('button', 'use-image').addEventListener('click', () =>
    attempt(async () => explainer.setPicture(await visualizer.read())),
  );
  byId('input', 'smooth').addEventListener('change', (event) =>
    canvas.classList.toggle('smooth', (event.target as HTMLInputElement).checked),
  );
  networks.addEventListener('change', openListed);
  listenForFiles('open-network', 'network-file', openOwn);
  listenForFiles('choose-picture', 'picture-file', openPicture);
  listenForDrops((file) => {
    if (/\.onnx$/i.test(file.name)) return openOwn(file);
    if (file.type.startsWith('image/') || /\.(png|jpe?g|webp)$/i.test(file.name)) return openPicture(file);
    return attempt(() => {
      throw new PageError(
        `"${file.name}" is neither a network nor a picture: drop an .onnx, .png, .jpg or .webp file.`,
      );
    });
  });
  void openListed();
}

const STATES: Record<Exclude<State, 'stopped'>, string> = {
  empty: 'Ready: choose a layer and a channel, and press Start.',
  compiling: 'Compiling…',
  running: 'The image is forming.',
};

/** What the visualizer tells, put on the page. */
const listener: Listener & { onState(state: State): void } = {
  onState: () => {},
  changed: (state) => listener.onState(state),
  drawn(step, stepsPerSecond) {
    byId('output', 'step').value = String(step);
    showSpeed(stepsPerSecond);
  },
  measured(history) {
    drawCurve(document.querySelector<SVGSVGElement>('#curve') as SVGSVGElement, history);
    byId('output', 'value').value = history.length > 0 ? short(history[history.length - 1]) : '–';
  },
};

function row(name: string, text: string): HTMLElement[] {
  const [term, description] = [document.createElement('dt'), document.createElement('dd')];
  term.textContent = name;
  description.textContent = text;
  return [term, description];
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

networks.replaceChildren(
  ...shippedModels.map(({ id, description }) => Object.assign(option(id), { title: description })),
);
byId('details', 'more').open = matchMedia('(min-width: 760px)').matches;
const wanted = new URLSearchParams(location.search).get('network');
if (shippedModels.some(({ id }) => id === wanted)) networks.value = wanted as string;

const opened = await attempt(async () => {
  const { device, screen } = await openScreen(canvas);
  showDevice(device);
  start(device, screen);
});
if (!opened) {
  byId('dd', 'adapter').textContent = 'none';
  say('network', 'Facet needs WebGPU.');
}
