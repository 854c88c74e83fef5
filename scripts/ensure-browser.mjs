// ensure-browser.mjs: finds a Chromium, and installs Debian's where there is none. It never downloads Playwright's own.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What gives a WebGPU adapter in a headless Chromium, the software one (SwiftShader) included, and keeps it quiet. */
export const browserFlags = [
  '--enable-unsafe-webgpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), // Chromium's sandbox refuses to run as root
];

// Asked for its version, because Ubuntu's /usr/bin/chromium-browser may be a stub that only names a snap.
const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0;

/** The command of a Chromium that runs, or undefined. */
export async function findBrowser() {
  const chosen = process.env.CHROMIUM;
  if (chosen) {
    if (!runs(chosen)) throw new Error(`CHROMIUM is "${chosen}", which does not run. Correct or unset it.`);
    return chosen;
  }
  const { chromium } = await import('playwright');
  const own = chromium.executablePath();
  if (existsSync(own) && runs(own)) return own;
  const installed = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return installed.find((command) => existsSync(command) && runs(command));
}

/** The command of a Chromium, installed by apt-get where none is found. */
export async function ensureBrowser() {
  const found = await findBrowser();
  if (found) return found;

  const needed = 'No Chromium was found, and the tests need one';
  const system = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (/^ID=ubuntu$/m.test(system)) {
    throw new Error(
      `${needed}. Ubuntu's chromium package is only a snap: run \`sudo snap install chromium\` and set CHROMIUM=/snap/bin/chromium, or install Google Chrome's .deb.`,
    );
  }
  if (!existsSync('/usr/bin/apt-get')) throw new Error(`${needed}. Install Chromium, or set CHROMIUM to its path.`);

  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !existsSync('/usr/bin/sudo')) {
    throw new Error(`${needed}. Run \`apt-get install chromium\` as root, or set CHROMIUM to its path.`);
  }
  console.error('No Chromium was found: installing it with apt-get.');
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const [command, ...prefix] = isRoot ? env : ['sudo', ...env];
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', 'chromium'],
  ]) {
    const { status } = spawnSync(command, [...prefix, 'apt-get', ...args], { stdio: ['inherit', 2, 2] });
    if (status !== 0) throw new Error(`${needed}. \`apt-get ${args.join(' ')}\` failed; install Chromium by hand.`);
  }
  const installed = await findBrowser();
  if (!installed) throw new Error(`${needed}. The chromium that apt-get installed does not run.`);
  return installed;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await ensureBrowser());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
