/**
 * `npm run test:drivers`: the tests of kernels, gradients and whole models, on every Vulkan driver of this machine, one after the other.
 *
 * A driver is chosen by its manifest (`VK_ICD_FILENAMES`) in a process of its own, since the Vulkan loader reads it at a process's start.
 * Kernels are chosen explicitly too, among them those that a driver's rule would never pick (`EVERY_VARIANT`, see
 * `src/check/choices.node.ts`). Arguments go to vitest: `npm run test:drivers -- -t attention`.
 *
 * Exit code 1 where a test fails, a driver opens no adapter, or there is no driver. A driver of hardware that this machine has not is
 * named and left out.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { driverEnvironment, isSoftwareDriver, vulkanDrivers } from './browser.mjs';

/** What vitest runs: every test file below these whose path begins so. */
const tests = ['src/graph/', 'src/check/', 'src/optim/', 'src/train/reference.test.ts'];

function environmentOf(manifest) {
  const environment = { ...process.env, ...driverEnvironment(manifest), EVERY_VARIANT: '1' };
  // They win over VK_ICD_FILENAMES, or add to it.
  for (const name of ['VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES']) delete environment[name];
  return environment;
}

/** The adapter's name, or why there is none: `absent` where the driver runs but finds none of its hardware. */
function openAdapter(manifest) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(import.meta.dirname, 'node.mjs'), 'src/cli/adapter.ts'],
    { env: environmentOf(manifest), encoding: 'utf8', timeout: 60_000 },
  );
  if (status === 0) return { name: stdout.trim() };
  const absent =
    !isSoftwareDriver(manifest) && /vkEnumeratePhysicalDevices|Failed to detect any valid GPUs/.test(stderr);
  return { absent, reason: stderr.trim().split('\n').at(-1) };
}

/** Runs the tests on one driver. */
function runTests(manifest, folder) {
  const report = path.join(folder, `${path.basename(manifest)}.report`);
  const started = performance.now();
  const vitest = ['vitest', 'run', ...tests, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync('npx', [...vitest, ...process.argv.slice(2)], {
    env: environmentOf(manifest),
    stdio: 'inherit',
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'));
    const counts = `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`;
    return { passed: status === 0 && numPassedTests > 0, told: `${counts}, ${seconds} s` };
  } catch {
    return { passed: false, told: `the tests broke off after ${seconds} s (exit code ${status})` };
  }
}

const drivers = vulkanDrivers();
if (!drivers.length) {
  console.error(
    'There is no Vulkan driver on this machine: install Chromium (SwiftShader comes with it), mesa-vulkan-drivers, or the driver of a GPU.',
  );
  process.exit(1);
}
const folder = mkdtempSync(path.join(tmpdir(), 'drivers-'));
const results = [];
for (const manifest of drivers) {
  const adapter = openAdapter(manifest);
  if (adapter.name) {
    console.log(`\n${adapter.name}, by ${manifest}`);
    const { passed, told } = runTests(manifest, folder);
    results.push({ passed, line: `${adapter.name}: ${told}` });
  } else if (adapter.absent) {
    results.push({ line: `${manifest}: left out, its hardware is not in this machine` });
  } else {
    results.push({ passed: false, line: `${manifest}: opens no adapter that Dawn accepts (${adapter.reason})` });
  }
}
rmSync(folder, { recursive: true });
console.log(`\n${results.map(({ line }) => line).join('\n')}`);
const run = results.filter(({ passed }) => passed !== undefined);
if (!run.length) console.error('No driver on this machine has a device to test on.');
process.exit(run.length > 0 && run.every(({ passed }) => passed) ? 0 : 1);
