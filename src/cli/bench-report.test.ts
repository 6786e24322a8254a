import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Results } from '../train/events';
import type { Cell } from './bench-plan';
import { mergeReports, readReport, runOf, writeReport } from './bench-report';
import type { Report } from './bench-schema';
import { markdown, median, spread } from './bench-table';

const software = { vendor: 'google', architecture: 'swiftshader', device: '', description: '', software: true };
const gpu = { vendor: 'apple', architecture: 'metal-3', device: '', description: '', software: false };

function cell(seed: number, rank = 8): Cell {
  const name = `tiny, methods.*.rank=${rank}, seed ${seed}, run 1`;
  const json = { task: 'sample' };
  return { name, recipe: 'tiny', settings: { 'methods.*.rank': rank }, seed, repeat: 1, json, files: { tables: [] } };
}

function results(accuracy: number, adapter = software): Results {
  const step = (number: number, loss: number, milliseconds: number) => ({
    ...{ step: number, loss, milliseconds },
    ...{ learningRate: 1e-3, gradNorm: 1, tokens: 100 },
  });
  return {
    adapter,
    recipe: { task: 'sample' },
    task: 'sample',
    primaryMetric: 'accuracy',
    examples: { train: 8, validation: 8 },
    totalSteps: 3,
    memory: { peakBytes: 1000 },
    methods: [
      {
        id: 'hut',
        method: 'hut',
        trainableParameters: 884_736,
        headParameters: 66_306,
        cost: { paper: { adapterFlops: 202_113_024 }, step: { flops: 842e6, bytes: 1, dispatches: 1 } },
        memory: { peakBytes: 900 },
        // The first one waits for a compiler.
        steps: [step(1, 0.75, 1500), step(2, 0.5, 200), step(3, 0.25, 250)],
        evaluations: [],
        best: { step: 2, epoch: 1, metrics: { accuracy, loss: 0.5 } },
      },
    ],
  };
}

const report = (seeds: number[], accuracy = (seed: number) => seed / 10, adapter = software): Report => ({
  planned: [1, 2, 3].map((seed) => cell(seed).name),
  runs: seeds.map((seed) => runOf(cell(seed), results(accuracy(seed), adapter), 'Chromium 1')),
  failures: [],
});

describe('median and spread', () => {
  it('of one, of an odd and of an even number, in any order', () => {
    expect(median([3])).toBe(3);
    expect(median([9, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 3])).toBe(2.5);
    expect(spread([0.5], String)).toBe('0.5');
    expect(spread([3, 1, 2, 10], String)).toBe('2.5 (1 … 10)');
    expect(spread([null, 2, null], String)).toBe('2');
    expect(spread([null], String)).toBe('–');
  });
});

describe('a run', () => {
  it('is told by the numbers of the page’s results', () => {
    expect(runOf(cell(1), results(0.6), 'Chromium 1').methods).toEqual([
      {
        id: 'hut',
        method: 'hut',
        bestMetric: 0.6,
        bestStep: 2,
        finalLoss: 0.25,
        seconds: 1.95,
        tokensPerSecond: 400,
        trainableParameters: 884_736,
        headParameters: 66_306,
        flopsPerStep: 842e6,
        paperFlops: 202_113_024,
        losses: [0.75, 0.5, 0.25],
      },
    ]);
  });
});

describe('merging', () => {
  it('puts shards together in the order of the plan', () => {
    const merged = mergeReports([
      { from: 'b', report: report([3, 1]) },
      { from: 'a', report: { ...report([2]), failures: [{ name: cell(3).name, message: 'lost' }] } },
    ]);
    expect(merged.runs.map(({ seed }) => seed)).toEqual([1, 2, 3]);
    expect(merged.planned).toHaveLength(3);
    // What failed on one machine and worked on another has worked.
    expect(merged.failures).toEqual([]);
  });
  it('refuses a run that is there twice', () => {
    const parts = ['a', 'b'].map((from) => ({ from, report: report([1]) }));
    expect(() => mergeReports(parts)).toThrow(/seed 1, run 1" is in a and in b/);
  });
});

describe('the file', () => {
  it('is read back as it was, and anything else is refused by name', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
    try {
      await writeReport(folder, report([1, 2]));
      expect(await readReport(folder)).toEqual(report([1, 2]));
      await expect(readReport(path.join(folder, 'none'))).rejects.toThrow(/none.*cannot be read/);
      await writeFile(path.join(folder, 'results.json'), JSON.stringify(results(0.5)));
      await expect(readReport(folder)).rejects.toThrow(/no benchmark's report: planned/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the table', () => {
  it('has medians over the seeds, and calls a software adapter software', () => {
    const text = markdown(report([1, 2, 3], (seed) => [0.6, 0.8, 0.7][seed - 1]!));
    expect(text).toContain('3 of 3 runs');
    expect(text).toContain('## google swiftshader (software adapter), Chromium 1');
    expect(text).toContain('say nothing about GPUs');
    expect(text).toContain(
      '| tiny | 8 | hut | accuracy 0.7000 (0.6000 … 0.8000) | 0.2500 (0.2500 … 0.2500) | 1.95 (1.95 … 1.95) | 400 (400 … 400) | 885k | 842M | 3 |',
    );
  });
  it('keeps adapters and settings apart', () => {
    const other = { ...report([2], () => 0.9, gpu) };
    const merged = mergeReports([
      { from: 'a', report: report([1], () => 0.6) },
      { from: 'b', report: other },
    ]);
    merged.runs.push(runOf(cell(1, 4), results(0.3), 'Chromium 1'));
    const [, slow, fast] = markdown(merged).split('\n## ');
    expect(slow).toMatch(/^google swiftshader \(software adapter\)/);
    expect(slow).toContain('| tiny | 8 | hut | accuracy 0.6000 |');
    expect(slow).toContain('| tiny | 4 | hut | accuracy 0.3000 |');
    expect(fast).toMatch(/^apple metal-3, Chromium 1/);
    expect(fast).toContain('accuracy 0.9000');
    expect(fast).not.toContain('software');
  });
  it('names what failed and what another shard has, and lets no text break it', () => {
    const failures = [{ name: cell(2).name, message: 'a | b\n<script>' }];
    const text = markdown({ ...report([1]), failures });
    expect(text).toContain('1 of 3 runs');
    expect(text).toContain(`## Failed\n\n- ${cell(2).name}: a \\| b &lt;script>`);
    expect(text).toContain(`## Not run here\n\n- ${cell(3).name}`);
  });
});
