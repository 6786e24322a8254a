import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device';
import { PipelineCache } from '../gpu/shader';
import { shaderSource } from '../graph/shaders';
import { kernelCases } from './cases';
import { checkKernels, deviceReport, kernelCount, type KernelReport } from './kernels';
import { verdict } from './verdict';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

async function collect(options: Parameters<typeof checkKernels>[1]): Promise<KernelReport[]> {
  const reports: KernelReport[] = [];
  for await (const report of checkKernels(gpu, options)) reports.push(report);
  return reports;
}

/** Pipelines of a device whose compiler gets one line of one shader wrong. */
const sabotaged = (shader: string, line: string | RegExp, instead: string) =>
  new PipelineCache(gpu.device, (name) => {
    const source = shaderSource(name);
    if (name !== shader) return source;
    expect(source).toMatch(line);
    return source.replace(line, instead);
  });

describe('the self-check', () => {
  it('passes on this device, and its reports cross to a page', async () => {
    const reports = await collect({ measure: false });
    expect(reports).toHaveLength(kernelCount);
    for (const report of reports) expect(report, report.title).toMatchObject({ passed: true, repeatable: true });
    for (const { error } of reports) expect(error).toBeGreaterThan(0); // float32 is not float64
    expect(structuredClone(reports)).toEqual(reports);
    const { level, title } = verdict(deviceReport(gpu), reports);
    expect(level).toBe(gpu.identity.software ? 'slow' : 'good');
    expect(title).toContain(`All ${kernelCount} checks`);
  });

  it('names the kernel that computes wrongly', async () => {
    const pipelines = sabotaged('adamw', /let m = params.beta1/, 'let m = 0.999 * params.beta1');
    const reports = await collect({ measure: false, pipelines });
    const failed = reports.filter((report) => !report.passed);
    expect(failed.map(({ id }) => id)).toEqual(['adamw']);
    expect(failed[0]!.error).toBeGreaterThan(failed[0]!.bound);
    expect(verdict(deviceReport(gpu), reports)).toMatchObject({ level: 'wrong' });
  });

  it('recognises a kernel that leaves zeros', async () => {
    const pipelines = sabotaged('select-rows', /fn main\([^{]*\{/, '$& if (params.count > 0u) { return; }');
    const reports = await collect({ measure: false, pipelines });
    const failed = reports.filter((report) => !report.passed);
    expect(failed.map(({ id }) => id)).toEqual(['select-rows']);
    expect(failed[0]!.problem).toMatch(/zeros/);
  });

  it('stops when told to', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const run = async () => {
      for await (const { id } of checkKernels(gpu, { measure: false, signal: stop.signal })) {
        seen.push(id);
        stop.abort();
      }
    };
    await expect(run()).rejects.toThrow(/abort/i);
    expect(seen).toEqual([kernelCases[0]!.id]);
  });
});
