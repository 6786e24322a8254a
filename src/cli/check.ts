/** `npm run check`: the kernels on this machine's device against float64, and their speed. `--quick` leaves out the speeds. */
import { parseArgs } from 'node:util';
import { checkKernels, deviceReport, kernelCount, type KernelReport } from '../check/kernels';
import { verdict } from '../check/verdict';
import { UserError } from '../errors';
import { adapterLabel, Gpu } from '../gpu/device';
import { bytes } from './progress';

const usage = 'usage: npm run check [-- --quick | --json]';

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  try {
    const gpu = await Gpu.open();
    const device = deviceReport(gpu);
    if (!values.json) {
      console.log(`Adapter: ${adapterLabel(device.adapter)}`);
      console.log(
        `Features: ${device.features.join(', ') || 'none of those we use'}; buffers up to ${bytes(device.limits.maxBufferSize)}, bindings up to ${bytes(device.limits.maxStorageBufferBindingSize)}\n`,
      );
    }
    const kernels: KernelReport[] = [];
    for await (const kernel of checkKernels(gpu, { measure: !values.quick })) {
      kernels.push(kernel);
      if (values.json) console.error(`${kernels.length}/${kernelCount} ${kernel.title}`);
      else console.log(line(kernel));
    }
    const { level, title, advice } = verdict(device, kernels, kernelCount);
    if (values.json) console.log(JSON.stringify({ device, kernels, verdict: { level, title, advice } }, null, 2));
    else console.log(`\n${title}\n${advice}`);
    gpu.close();
    return level === 'wrong' ? 1 : 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function line({ title, passed, error, bound, where, problem, speeds }: KernelReport): string {
  const found = Number.isFinite(error) ? `${error.toExponential(1)} (bound ${bound})` : '';
  const told = speeds.map((speed) => `${speed.title} ${speed.value.toPrecision(3)} ${speed.unit}`).join(', ');
  const failure = passed ? '' : ` ${where} ${problem ?? ''}`.trimEnd();
  return `${passed ? 'ok   ' : 'WRONG'} ${title.padEnd(58)} ${found.padEnd(24)} ${told}${failure}`;
}
