// image.ts: shows how the image gets on: what is going on in words, steps, speed, the objective's curve.

import { drawCurve } from './curve.ts';
import { byId, short } from './dom.ts';
import { say, showSpeed } from './status.ts';
import type { Listener, State } from './visualizer.ts';

/** A unit that has been silent for so many steps will stay so: no gradient reaches the image. */
const SILENT_STEPS = 32;

/** Buttons that need an image. */
const BUTTONS = ['restart', 'save', 'use-image'];

/** Tells the page what the visualizer says; `changed` is called after each change of state. */
export function imageView(canvas: HTMLCanvasElement, changed: () => void): Listener {
  const curve = document.querySelector<SVGSVGElement>('#curve') as SVGSVGElement;
  let steps = 0;
  let isSilent = false;

  const words: Record<State, () => string> = {
    empty: () => 'Ready: choose a layer and a channel, and press Start.',
    compiling: () => 'Compiling…',
    running: () => 'The image is forming.',
    stopped: () =>
      isSilent
        ? `Nothing excited it in ${steps} steps: try another channel or seed, or the layer before the activation.`
        : `Stopped after ${steps} ${steps === 1 ? 'step' : 'steps'}.`,
  };

  return {
    changed(state) {
      if (state === 'compiling') say('gpu', '');
      const hasImage = state === 'running' || state === 'stopped';
      byId('p', 'placeholder').hidden = hasImage;
      canvas.style.visibility = hasImage ? '' : 'hidden';
      for (const id of BUTTONS) byId('button', id).disabled = !hasImage;
      say('image', words[state](), state === 'compiling');
      if (state !== 'running') showSpeed();
      changed();
    },
    drawn(step, stepsPerSecond) {
      steps = step;
      byId('output', 'step').value = String(step);
      showSpeed(stepsPerSecond);
    },
    recovered(step) {
      const goesOn = step === undefined ? '' : `; continued from step ${step}`;
      say('gpu', `The GPU was lost and is back${goesOn}.`);
    },
    measured(history) {
      isSilent = history.length >= SILENT_STEPS && history.every((value) => value === 0);
      drawCurve(curve, history);
      byId('output', 'value').value = history.length > 0 ? short(history[history.length - 1]) : '–';
    },
  };
}
