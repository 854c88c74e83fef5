// findings.ts: shows what an Explainer finds: classes as bars, maps as pictures with their numbers.

import { largestOf, type Model, takesPictures } from '../src/index.ts';
import { byId, create, option, short } from './dom.ts';
import type { Explainer, Findings, HeatMap } from './explainer.ts';
import { classNames, layerGroups } from './networks.ts';
import { paint } from './pictures.ts';

const TOP = 5;

const target = byId('select', 'target');
const camLayer = byId('select', 'cam-layer');
let names: string[] = [];

export const findings: Omit<Findings, 'subject'> = {
  picture(pixels) {
    byId('div', 'explanation').hidden = false;
    byId('p', 'explain-hint').hidden = true;
    paint(byId('canvas', 'picture'), pixels);
    // Those still shown are of another picture or class.
    for (const id of ['gradient', 'cam']) byId('canvas', id).ariaBusy = 'true';
    byId('figcaption', 'picture-note').textContent = `${pixels.width} × ${pixels.height}`;
  },
  classes(probabilities, chosen) {
    target.value = String(chosen);
    const rows = largestOf(probabilities, TOP).map((index) => {
      const percent = 100 * probabilities[index];
      const bar = create('span', { className: 'bar' });
      bar.style.width = `${percent}%`;
      const share = create('span', { className: 'percent', textContent: `${percent.toFixed(1)} %` });
      const button = create(
        'button',
        { type: 'button', value: String(index) },
        bar,
        create('span', {}, names[index]),
        share,
      );
      button.setAttribute('aria-pressed', String(index === chosen));
      return create('li', {}, button);
    });
    const list = byId('ol', 'classes');
    const focused = list.contains(document.activeElement) ? document.activeElement?.getAttribute('value') : undefined;
    list.replaceChildren(...rows);
    if (focused) list.querySelector<HTMLButtonElement>(`button[value="${focused}"]`)?.focus();
  },
  gradient: (map) => showMap('gradient', map),
  cam: (map) => showMap('cam', map),
};

function showMap(id: 'gradient' | 'cam', { pixels, range: [low, high], layer }: HeatMap): void {
  paint(byId('canvas', id), pixels);
  byId('canvas', id).ariaBusy = 'false';
  byId('span', `${id}-note`).textContent = `${short(low)} to ${short(high)}${layer ? ` at ${layer}` : ''}`;
}

/** Fits the menus to a network, and withdraws what another one found. */
export function showModel(model: Model): void {
  byId('div', 'explanation').hidden = true;
  byId('ol', 'classes').replaceChildren();
  for (const id of ['gradient', 'cam'] as const) {
    Object.assign(byId('canvas', id), { width: 1, height: 1 }); // which also clears it
    byId('span', `${id}-note`).textContent = '';
  }
  const isPictures = takesPictures(model.input.channels);
  byId('p', 'explain-hint').hidden = false;
  byId('p', 'explain-hint').textContent = isPictures
    ? 'Drop a picture anywhere on the page to see what the network makes of it.'
    : `This network takes ${model.input.channels} channels, which are no colours: no picture can be given to it.`;
  byId('button', 'choose-picture').disabled = !isPictures;
  names = classNames(model);
  target.replaceChildren(...names.map((name, index) => option(String(index), name)));
  const maps = layerGroups(model, true);
  camLayer.replaceChildren(
    option('', 'last with maps'),
    ...maps.map(({ title, layers }) => create('optgroup', { label: title }, ...layers.map(({ name }) => option(name)))),
  );
}

/** Lets the user choose class and layer. */
export function listen(explainer: Explainer, started: () => void): void {
  const choose = (index: number): void => {
    started();
    void explainer.setTarget(index);
  };
  target.addEventListener('change', () => choose(Number(target.value)));
  byId('ol', 'classes').addEventListener('click', (event) => {
    const button = (event.target as Element).closest('button');
    if (button) choose(Number(button.value));
  });
  camLayer.addEventListener('change', () => {
    started();
    void explainer.setCamLayer(camLayer.value);
  });
}
