// install.ts: installs the peers, which `npm ci` of the project does not know.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BenchError, untilAborted } from './errors.ts';

/** Installs the peers in bench/node_modules, once for each state of their lock file. */
export async function installPeers(root: string, say: (text: string) => void, signal: AbortSignal): Promise<void> {
  const folder = path.join(root, 'bench');
  const stamp = path.join(folder, 'node_modules/.installed-from');
  const lock = readFileSync(path.join(folder, 'package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing the peers in bench/node_modules (about 220 MB)');
  // Nothing of what they would run on installation is needed in a browser.
  const child = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: process.platform === 'win32',
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', ({ message }) => resolve(message));
    child.on('close', (status) => resolve(status === 0 ? undefined : reasonOf(told)));
  });
  try {
    const reason = await untilAborted(signal, ended);
    if (reason !== undefined) {
      throw new BenchError(
        `the peers could not be installed in bench/node_modules: ${reason}. They come over the network; ` +
          '`npm ci --ignore-scripts` in bench/ shows all that npm says.',
      );
    }
  } finally {
    child.kill();
  }
  writeFileSync(stamp, lock);
}

/** Of what npm prints, the line for people. */
function reasonOf(told: string): string {
  const lines = told.split('\n').flatMap((line) => /^npm (?:error|ERR!) (.*\S)/.exec(line)?.[1] ?? []);
  const reason = lines.find((line) => !/^(code|syscall|errno|path|dest|type) /.test(line)) ?? lines[0];
  return (reason ?? 'npm failed').replace(/\.$/, '');
}
