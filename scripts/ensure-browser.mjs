// ensure-browser.mjs: finds a Chromium and Vulkan's loader, and installs Debian's where there are none. It never
// downloads Playwright's own.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What gives a WebGPU adapter in a headless Chromium, the software one (SwiftShader) included, and keeps it quiet. */
export const browserFlags = [
  '--enable-unsafe-webgpu',
  // With these the compositor and WebGPU share memory on the software adapter too, so that canvases can be drawn to.
  '--use-angle=vulkan',
  '--use-vulkan=swiftshader',
  '--enable-features=Vulkan',
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

/** Dawn in Node loads Vulkan's loader from the system; Debian's chromium does not bring it along. */
function hasVulkanLoader() {
  if (process.platform !== 'linux') return true;
  return spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout?.includes('libvulkan.so.1') ?? false;
}

/** The command of a Chromium. It and Vulkan's loader are installed by apt-get where they are missing. */
export async function ensureBrowser() {
  const found = await findBrowser();
  const packages = [...(found ? [] : ['chromium']), ...(hasVulkanLoader() ? [] : ['libvulkan1'])];
  if (packages.length === 0) return found;

  const names = packages.join(' and ');
  const system = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!found && /^ID=ubuntu$/m.test(system)) {
    throw new Error(
      "No Chromium was found, and the tests need one. Ubuntu's chromium package is only a snap: run `sudo snap install chromium` " +
        "and set CHROMIUM=/snap/bin/chromium, or install Google Chrome's .deb.",
    );
  }
  if (!existsSync('/usr/bin/apt-get'))
    throw new Error(`The tests need ${names}. Install Chromium, or set CHROMIUM to its path.`);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !existsSync('/usr/bin/sudo')) {
    throw new Error(`The tests need ${names}. Run \`apt-get install ${packages.join(' ')}\` as root.`);
  }
  console.error(`Installing ${names} with apt-get, which the tests need.`);
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const [command, ...prefix] = isRoot ? env : ['sudo', ...env];
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const { status } = spawnSync(command, [...prefix, 'apt-get', ...args], { stdio: ['inherit', 2, 2] });
    if (status !== 0) throw new Error(`\`apt-get ${args.join(' ')}\` failed. Install ${names} by hand.`);
  }
  const installed = await findBrowser();
  if (!installed) throw new Error('The chromium that apt-get installed does not run.');
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
