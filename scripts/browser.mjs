/**
 * Finds a Chromium, and the SwiftShader driver that ships beside it.
 *
 * Looks for: $CHROME, Playwright's own browser, Google Chrome or Chromium on the system. `installBrowser` tries Playwright's
 * download first and Debian's package second, so that a fresh machine of either kind ends up with one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright';

const systemBrowsers = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** @returns {string | undefined} path of a Chromium that can run WebGPU (never Playwright's headless shell) */
export function findBrowser() {
  const candidates = [process.env.CHROME, chromium.executablePath(), ...systemBrowsers];
  return candidates.find((file) => file && existsSync(file));
}

/** @returns {string} path of a Chromium, installed if there was none; throws where none can be had */
export function installBrowser() {
  const found = findBrowser();
  if (found) return found;
  const attempts = [['npx', ['playwright', 'install', '--with-deps', '--no-shell', 'chromium']]];
  if (process.platform === 'linux' && existsSync('/usr/bin/apt-get')) {
    const sudo = process.getuid?.() === 0 ? [] : ['sudo'];
    const apt = (...args) => [...sudo, 'apt-get', ...args];
    attempts.push(
      [apt()[0], apt('update', '-qq').slice(1)],
      [apt()[0], apt('install', '-y', '-qq', 'chromium').slice(1)],
    );
  }
  for (const [command, args] of attempts) {
    console.log(`No Chromium found; running ${command} ${args.join(' ')}`);
    spawnSync(command, args, {
      stdio: 'inherit',
      timeout: 600_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    const installed = findBrowser();
    if (installed) return installed;
  }
  throw new Error('No Chromium could be installed; install Chrome or Chromium yourself and set CHROME to its path.');
}

/** @returns {string | undefined} the Vulkan manifest of the SwiftShader beside a Chromium, for Dawn under Node */
export function findSwiftShader() {
  const playwrightCache = process.env.PLAYWRIGHT_BROWSERS_PATH ?? path.join(homedir(), '.cache', 'ms-playwright');
  const cached = existsSync(playwrightCache)
    ? readdirSync(playwrightCache).map((name) => path.join(playwrightCache, name))
    : [];
  const folders = [
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    '/opt/google/chrome',
    ...cached.flatMap((folder) => ['chrome-linux', 'chrome-linux64'].map((name) => path.join(folder, name))),
  ];
  return folders.map((folder) => path.join(folder, 'vk_swiftshader_icd.json')).find((file) => existsSync(file));
}

/** Where a system keeps the manifests of its Vulkan drivers. */
const manifestFolders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

/**
 * Mesa's lavapipe and SwiftShader need no hardware, so such a driver always has a device. Dawn refuses older lavapipes.
 * @param {string} manifest
 */
export const isSoftwareDriver = (manifest) => /^(lvp|vk_swiftshader)/.test(path.basename(manifest));

/** @returns {string[]} the manifests of all Vulkan drivers: the system's, then the SwiftShader beside a Chromium */
export function vulkanDrivers() {
  const swiftShader = findSwiftShader();
  const own = manifestFolders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((file) => file.endsWith('.json'));
  return [...own.sort(), ...(swiftShader ? [swiftShader] : [])];
}

/**
 * Environment with which Dawn under Node finds one driver and no other: its manifest, and the Vulkan loader where one ships beside it.
 * Must be set before the process that opens the device starts.
 * @param {string} manifest
 * @returns {Record<string, string>} what to add to the environment
 */
export function driverEnvironment(manifest) {
  const folders = [path.dirname(manifest), ...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean)];
  return { VK_ICD_FILENAMES: manifest, LD_LIBRARY_PATH: folders.join(':') };
}

/**
 * Environment with which Dawn under Node finds SwiftShader, where the machine has no Vulkan driver of its own.
 * @returns {Record<string, string>} what to add to the environment; empty where a driver is there
 */
export function softwareDriverEnvironment() {
  if (process.platform !== 'linux' || process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return {};
  const manifest = findSwiftShader();
  if (vulkanDrivers().some((file) => !isSoftwareDriver(file)) && existsSync('/dev/dri')) return {};
  return manifest ? driverEnvironment(manifest) : {};
}
