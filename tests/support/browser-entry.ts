// browser-entry.ts: runs one GPU test file (`?file=tests/gpu/x.test.ts`) inside the page and reports to tests/run.mjs.
// No adapter is a failure, and so is a WebGPU error that nobody caught.

import { type Report, runFile } from './suite.ts';

declare global {
  interface Window {
    /** Installed by tests/run.mjs. */
    report(report: Report): Promise<void>;
  }
}

export async function runInBrowser(files: Record<string, () => Promise<unknown>>): Promise<void> {
  const load = files[new URLSearchParams(location.search).get('file') ?? ''];
  const adapter = await navigator.gpu?.requestAdapter();
  if (adapter) {
    const { vendor, architecture, description } = adapter.info;
    await window.report({ type: 'note', text: [vendor, architecture, description].filter(Boolean).join(' ') });
  } else {
    await window.report({ type: 'broken', what: 'adapter', message: 'this browser offers no WebGPU adapter' });
  }
  reportUncaughtErrors();
  await runFile(load, (report) => window.report(report));
}

function reportUncaughtErrors() {
  if (!('GPUAdapter' in globalThis)) return;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.addEventListener('uncapturederror', ({ error }) => {
      void window.report({ type: 'broken', what: `uncaught ${error.constructor.name}`, message: error.message });
    });
    return device;
  };
}
