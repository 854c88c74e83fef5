// ensure-browser.mjs: finds a Chromium and Vulkan's loader, and installs them where there are none.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What gives a headless Chromium its software adapter (SwiftShader), or the GPU of the machine, and keeps it quiet. */
export const flagsFor = (/** @type {'software' | 'gpu'} */ adapter) => [
  '--enable-unsafe-webgpu',
  // With these the compositor and WebGPU share memory, on the software adapter too, so that canvases can be drawn to.
  // Vulkan is for Linux: elsewhere Chromium reaches a GPU by what the system has.
  ...(adapter === 'software' || process.platform === 'linux' ? ['--use-angle=vulkan', '--enable-features=Vulkan'] : []),
  ...(adapter === 'software' ? ['--use-vulkan=swiftshader'] : []),
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

const playwrightCli = fileURLToPath(new URL('../node_modules/playwright/cli.js', import.meta.url));

const isUbuntu = () => existsSync('/etc/os-release') && /^ID=ubuntu$/m.test(readFileSync('/etc/os-release', 'utf8'));

/** Runs a command with its output on standard error; throws where it fails. */
function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: ['inherit', 2, 2] });
  if (status !== 0) throw new Error(`\`${[command, ...args].join(' ')}\` failed. Install what it names by hand.`);
}

function installPackages(packages) {
  const names = packages.join(' and ');
  if (!existsSync('/usr/bin/apt-get'))
    throw new Error(`The tests need ${names}. Install them, or set CHROMIUM to a Chromium.`);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !existsSync('/usr/bin/sudo')) {
    throw new Error(`The tests need ${names}. Run \`apt-get install ${packages.join(' ')}\` as root.`);
  }
  console.error(`Installing ${names} with apt-get, which the tests need.`);
  const [command, ...prefix] = [...(isRoot ? [] : ['sudo']), 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  run(command, [...prefix, 'update', '-qq']);
  run(command, [...prefix, 'install', '-y', '-qq', '--no-install-recommends', ...packages]);
}

/**
 * The command of a Chromium. It and Vulkan's loader are installed where they are missing: Debian's packages, but on Ubuntu,
 * whose chromium package is only a snap that cannot be driven, Playwright's own build.
 */
export async function ensureBrowser() {
  const found = await findBrowser();
  const packages = [...(found || isUbuntu() ? [] : ['chromium']), ...(hasVulkanLoader() ? [] : ['libvulkan1'])];
  if (packages.length > 0) installPackages(packages);
  if (found) return found;
  if (isUbuntu()) run(process.execPath, [playwrightCli, 'install', '--with-deps', 'chromium']);
  const installed = await findBrowser();
  if (!installed) throw new Error('The Chromium that was installed does not run. Set CHROMIUM to one that does.');
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
