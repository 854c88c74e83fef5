// adapter.ts: what goes one way in a page and another in Node, or the same in both: which adapter a file's tests run on, WebGPU
// errors that nobody caught, and rejections that nobody heard.

import { describeAdapter } from '../../src/engine/gpu/adapter.ts';
import type { Report, Send } from './suite.ts';

/** The adapter that tests get from `gpu`; that there is none is a failure. */
export async function adapterReport(gpu: GPU | undefined): Promise<Report> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return { type: 'broken', what: 'adapter', message: 'WebGPU offers no adapter here' };
  const { vendor, architecture, name, software } = describeAdapter(adapter);
  const parts = [...new Set([vendor, architecture, name])].filter(Boolean);
  return { type: 'adapter', text: `${parts.join(' ')}${software ? ', a software adapter' : ''}`, software };
}

export function reportUncaughtErrors(send: Send): void {
  if (!('GPUAdapter' in globalThis)) return;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.addEventListener('uncapturederror', ({ error }) => {
      void send({ type: 'broken', what: `uncaught ${error.constructor.name}`, message: error.message });
    });
    return device;
  };
}

export function onUnheardRejection(listener: (reason: unknown) => void): void {
  if (typeof process === 'object') process.on('unhandledRejection', listener);
  else addEventListener('unhandledrejection', ({ reason }) => listener(reason));
}
