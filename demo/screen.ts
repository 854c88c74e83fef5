// screen.ts: the canvas that shows the image: drawn from its device buffer, or, where the browser cannot draw WebGPU to
// a canvas (headless browsers whose compositor and WebGPU share no memory), from a small picture read back.

import { type Device, openDevice, Presenter, toPixels, type Visualization } from '../src/index.ts';
import { paint } from './pictures.ts';

export interface Screen {
  /** False where each picture is read back. */
  readonly isDirect: boolean;
  show(run: Visualization): Promise<void> | void;
}

/** Asks a device of its own, because a canvas that fails takes its device with it. */
async function canPresent(): Promise<boolean> {
  const device = await openDevice();
  try {
    const context = new OffscreenCanvas(1, 1).getContext('webgpu');
    if (!context) return false;
    context.configure({ device: device.gpu, format: navigator.gpu.getPreferredCanvasFormat() });
    context.getCurrentTexture();
    await device.idle();
    return true;
  } catch {
    return false;
  } finally {
    device.close();
  }
}

/** Opens the device, and a screen on it. */
export async function openScreen(canvas: HTMLCanvasElement): Promise<{ device: Device; screen: Screen }> {
  const isDirect = await canPresent();
  const device = await openDevice();
  return { device, screen: isDirect ? directScreen(device, canvas) : copyingScreen(canvas) };
}

function directScreen(device: Device, canvas: HTMLCanvasElement): Screen {
  const presenter = new Presenter(device, canvas);
  return {
    isDirect: true,
    show(run) {
      const { buffer, shape } = run.currentImage();
      const [count, height, width] = shape;
      const columns = Math.ceil(Math.sqrt(count));
      const [w, h] = [columns * width, Math.ceil(count / columns) * height];
      // Setting a size clears the canvas, even the same size.
      if (canvas.width !== w) canvas.width = w;
      if (canvas.height !== h) canvas.height = h;
      presenter.draw(buffer, shape);
    },
  };
}

function copyingScreen(canvas: HTMLCanvasElement): Screen {
  return {
    isDirect: false,
    async show(run) {
      const { data, shape } = await run.readImage();
      paint(canvas, toPixels(data, shape));
    },
  };
}
