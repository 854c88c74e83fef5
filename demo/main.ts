// main.ts: the page: opens the device and ties the parts together. All it knows of the engine is the public API.

import { type Device, type Model, parseLabels, shippedModels } from '../src/index.ts';
import * as byHand from './byHand.ts';
import * as controls from './controls.ts';
import { byId, create, nextFrame, option } from './dom.ts';
import { listenForDrops, listenForFiles } from './drop.ts';
import { Explainer } from './explainer.ts';
import * as findings from './findings.ts';
import { imageView } from './image.ts';
import { Inspector } from './inspector.ts';
import { MethodPanel } from './methodPanel.ts';
import { describe, openFile, openShipped } from './networks.ts';
import { decodePicture, savePng } from './pictures.ts';
import { offerSamples } from './samples.ts';
import * as pixels from './preprocess.ts';
import * as report from './report.ts';
import { openScreen, type Screen } from './screen.ts';
import { check } from './selfCheck.ts';
import { attempt, clearError, complain, PageError, say, showDevice } from './status.ts';
import * as tuning from './tuning.ts';
import { Visualizer } from './visualizer.ts';
import { choose, fillMenu, hideProgress, listenForAddresses, openWeb, type WebSource, webSource } from './web.ts';

const networks = byId('select', 'network');
const toggle = byId('button', 'toggle');
const canvas = byId('canvas', 'canvas');

/** Value of the menu's entry for the user's own network. */
const OWN = 'own';

interface Opened {
  readonly model: Model;
  /** Sentences for the user about the way here. */
  readonly notes?: readonly string[];
}

function start(device: Device, screen: Screen): void {
  const visualizer = new Visualizer(device, screen, imageView(canvas, relabel));
  const panel = new MethodPanel(device);
  const inspector = new Inspector(device, () => quietly(controls.readWish));
  const explainer = new Explainer(device, {
    ...findings.findings,
    subject: (subject) => panel.setSubject(subject),
  });
  /** The user's own network, with names of its classes; the menu's entry that is shown; how many were asked for. */
  let own: { file: File; names?: File; beside?: readonly File[] } | undefined;
  let shown = '';
  let current: Model | undefined;
  let asked = 0;
  /** While kernels are timed no image is started: it would be timed too, and cleared when the kernels change. */
  let isTuning = false;
  /** Ends the loading of the network that was asked for last. */
  let loading = new AbortController();

  /** Shows a network; `isSame` where it is the one shown, with its pictures prepared in another way. */
  function use(model: Model, isSame = false): void {
    current = model;
    void visualizer.clear();
    if (isSame) controls.keep(model);
    else controls.show(model);
    if (isSame) pixels.reflect(model.preprocess);
    else pixels.show(model);
    findings.showModel(model);
    panel.setModel(model);
    inspector.setModel(model, isSame);
    offerSamples(model, (picture) => {
      clearError();
      void explainer.setPicture(picture);
    });
    const rows = describe(model).flatMap(([name, textContent]) => [
      create('dt', { textContent: name }),
      create('dd', { textContent }),
    ]);
    byId('dl', 'summary').replaceChildren(...rows);
    report.show(model);
    void check(device, model);
    void explainer.setModel(model);
    relabel();
  }

  /**
   * Opens what stands in the menu as `entry`. Only what was asked for last is shown; after a failure, or when the user
   * cancels, what was before.
   */
  async function open(entry: string, title: string, load: (signal: AbortSignal) => Promise<Opened>): Promise<void> {
    const turn = ++asked;
    stopLoading();
    const { signal } = loading;
    say('network', `Opening ${title}…`, true);
    await nextFrame();
    let remarks: readonly string[] = [];
    await attempt(async () => {
      try {
        const { model, notes = [] } = await load(signal);
        if (signal.aborted) return;
        remarks = notes;
        use(model);
        shown = entry;
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    });
    if (turn !== asked) return;
    networks.value = shown;
    say('network', remarks.map((note) => note.charAt(0).toUpperCase() + note.slice(1)).join(' '));
  }

  function stopLoading(): void {
    loading.abort();
    loading = new AbortController();
    hideProgress();
  }

  /** `beside` are the files given with it: see `openFile`. */
  function openOwn(file: File, names?: File, beside?: readonly File[]): Promise<void> {
    clearError();
    return open(OWN, file.name, async () => {
      const model = await openFile(file, names, beside);
      own = { file, names, beside };
      networks.querySelector(`option[value=${OWN}]`)?.remove();
      networks.append(option(OWN, file.name));
      return { model };
    });
  }

  const openFetched = (entry: string, source: WebSource): Promise<void> =>
    open(entry, source.id, (signal) => openWeb(source, signal));

  /** `names` is a text file with a class a line. */
  const openNamed = (entry: string, source: WebSource, names: File): Promise<void> => {
    clearError();
    return open(entry, source.id, async (signal) =>
      openWeb({ ...source, labels: parseLabels(await names.text()) }, signal),
    );
  };

  function openListed(): Promise<void> {
    const entry = networks.value;
    if (entry === OWN && own) return openOwn(own.file, own.names, own.beside);
    const source = webSource(entry);
    return source ? openFetched(entry, source) : open(entry, entry, async () => ({ model: await openShipped(entry) }));
  }

  /** Opens what the address of the page asks for; where that cannot be had, says so and opens what is always there. */
  async function openFirst(): Promise<void> {
    const wanted = new URLSearchParams(location.search).get('network');
    const isKnown = wanted === null || choose(networks, wanted);
    if (!isKnown) complain(new PageError(`There is no network "${wanted}": choose one of the menu.`));
    await openListed();
    if (shown !== '' || asked > 1) return;
    networks.value = shippedModels[0].id;
    await openListed();
  }

  async function openPicture(file: File): Promise<void> {
    clearError();
    await attempt(async () => explainer.setPicture(await decodePicture(file)));
  }

  function begin(): void {
    clearError();
    void attempt(() => {
      if (isTuning) throw new PageError('Kernels are being timed: wait for the end, or stop it.');
      void visualizer.begin(controls.readWish(), controls.readSteps());
    });
  }

  function relabel(): void {
    const wish = quietly(controls.readWish);
    const canContinue = wish !== undefined && visualizer.canContinue(wish);
    toggle.textContent = visualizer.isGoing ? 'Stop' : canContinue ? 'Continue' : 'Start';
    toggle.disabled = !controls.hasNetwork() || isTuning;
    byId('button', 'tune').disabled = !controls.hasNetwork();
    if (wish) byId('span', 'subject').textContent = wish.objective;
    inspector.setPaused(visualizer.isGoing || isTuning);
  }

  controls.listen(() => {
    relabel();
    if (visualizer.isGoing) return begin();
    clearError();
    void attempt(() => void controls.readWish());
  });
  findings.listen(explainer, clearError);
  report.listen();
  byHand.listen(device);
  tuning.listen(device, {
    model: () => current,
    async rest() {
      isTuning = true;
      relabel();
      visualizer.stop();
      while (visualizer.isGoing) await nextFrame();
      await panel.rest();
      await inspector.rest();
    },
    resume() {
      isTuning = false;
      panel.resume();
      relabel();
    },
    renew: () => current && use(current, true),
    refresh: () => inspector.refresh(),
  });
  pixels.listen((preprocess) => {
    if (current) use(current.withPreprocess(preprocess), true);
  });
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
    attempt(async () => savePng(await visualizer.read(), visualizer.fileName)),
  );
  byId('button', 'use-image').addEventListener('click', () => {
    clearError();
    return attempt(async () => explainer.setPicture(await visualizer.read()));
  });
  byId('input', 'smooth').addEventListener('change', (event) =>
    canvas.classList.toggle('smooth', (event.target as HTMLInputElement).checked),
  );
  networks.addEventListener('change', () => {
    clearError();
    return openListed();
  });
  listenForAddresses((address) => {
    clearError();
    if (choose(networks, address)) void openListed();
    else complain(new PageError(`"${address}" is no web address: give one as https://host/network.onnx.`));
  }, stopLoading);
  listenForFiles('open-network', 'network-file', (file, beside) => openOwn(file, undefined, beside));
  listenForFiles('choose-picture', 'picture-file', (file) => openPicture(file));
  listenForDrops((file, others) => {
    if (/\.onnx$/i.test(file.name)) return openOwn(file, undefined, others);
    if (/\.txt$/i.test(file.name) && own && shown === OWN) return openOwn(own.file, file, own.beside);
    const source = /\.txt$/i.test(file.name) ? webSource(shown) : undefined;
    if (source) return openNamed(shown, source, file);
    if (file.type.startsWith('image/') || /\.(png|jpe?g|webp)$/i.test(file.name)) return openPicture(file);
    return attempt(() => {
      throw new PageError(
        `"${file.name}" is neither a network nor a picture: drop an .onnx, .png, .jpg or .webp file.`,
      );
    });
  });
  void openFirst();
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

fillMenu(networks);
byId('details', 'more').open = matchMedia('(min-width: 760px)').matches;

const opened = await attempt(async () => {
  const { device, screen } = await openScreen(canvas);
  showDevice(device);
  await tuning.recall(device);
  start(device, screen);
});
if (!opened) {
  byId('dd', 'adapter').textContent = 'none';
  say('network', 'Facet needs WebGPU.');
}
