// samples.ts: drawings to try the embedded network on, made here by the code that made its training set.

import { drawing, drawingClasses, type Model } from '../src/index.ts';
import { byId, create } from './dom.ts';
import { paint, type Picture, withAlpha } from './pictures.ts';

const SIDE = 64;

/** Not the seed of the training set. */
const FIRST_SEED = 7_000_001;

let seed = FIRST_SEED;

/** Offers one drawing a class where the network knows these classes. */
export function offerSamples(model: Model, chosen: (picture: Picture) => void): void {
  const list = byId('div', 'samples');
  list.hidden = model.labels.length === 0 || model.labels.join() !== drawingClasses.join();
  if (list.hidden) return;
  const buttons = drawingClasses.map((name, index) => {
    const picture = withAlpha(drawing(seed, index, SIDE).pixels, SIDE, SIDE);
    const canvas = create('canvas');
    paint(canvas, picture);
    const button = create('button', { type: 'button', title: name, ariaLabel: `Sample: ${name}` }, canvas);
    button.addEventListener('click', () => chosen(picture));
    return button;
  });
  const more = create('button', { type: 'button', className: 'more', textContent: 'Other samples' });
  more.addEventListener('click', () => {
    seed++;
    offerSamples(model, chosen);
  });
  list.replaceChildren(...buttons, more);
}
