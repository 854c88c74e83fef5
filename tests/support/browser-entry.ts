// browser-entry.ts: runs one GPU test file (`?file=tests/gpu/x.test.ts`) inside the page and reports to tests/run.mjs.
// Without a file it only says which adapter there is.

import { adapterReport, reportUncaughtErrors } from './adapter.ts';
import { type Report, runFile } from './suite.ts';

declare global {
  interface Window {
    /** Installed by tests/run.mjs. */
    report(report: Report): Promise<void>;
  }
}

export async function runInBrowser(files: Record<string, () => Promise<unknown>>): Promise<void> {
  await window.report(await adapterReport(navigator.gpu));
  const file = new URLSearchParams(location.search).get('file');
  if (file === null) return;
  reportUncaughtErrors((report) => window.report(report));
  await runFile(files[file], (report) => window.report(report));
}
