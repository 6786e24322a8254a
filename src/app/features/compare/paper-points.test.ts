import { describe, expect, it } from 'vitest';
import { paperScores } from './paper-points';

describe('the paper’s points beside runs', () => {
  it('are the task’s own column where Table 1 has it, by the same metric', () => {
    const scores = paperScores({ id: 'cola', title: 'CoLA', metric: 'matthews_correlation' });
    expect(scores).toMatchObject({ title: 'CoLA, Matthews correlation', reason: undefined });
    expect(scores.points.map(({ letter, title, flops, score }) => [letter, title, flops, score])).toEqual([
      ['a', 'HUT 0.9M', 0.2e9, 0.705],
      ['b', 'HAdapter 0.8M', 0.41e9, 0.663],
      ['c', 'LoRA 0.8M', 0.86e9, 0.682],
      ['d', 'HAdapter 6.0M', 1.61e9, 0.665],
      ['e', 'PAdapter 0.8M', 1.8e9, 0.678],
      ['f', 'PAdapter 3.0M', 2.4e9, 0.683],
    ]);
  });
  it('are the averages otherwise, and say why', () => {
    for (const task of [
      { id: 'sample', title: 'Bundled sample', metric: 'accuracy' },
      { id: 'mrpc', title: 'MRPC', metric: 'f1' },
    ]) {
      const { title, reason, points } = paperScores(task);
      expect([title, points[0]!.score]).toEqual([expect.stringMatching(/^average of six/), 0.886]);
      expect(reason).toBe(`its Table 1 has no ${task.metric} on “${task.title}”`);
    }
  });
  it('come with the notes that concern them', () => {
    const notes = (id: string, metric = 'accuracy') => paperScores({ id, title: id, metric }).notes.join(' ');
    expect(notes('rte')).toContain('look exchanged');
    expect(notes('stsb', 'pearson')).toContain('look exchanged');
    expect(notes('sample')).toContain('look exchanged');
    expect(notes('sst2')).not.toContain('look exchanged');
    expect(notes('mrpc')).toContain('already adapted to MNLI');
    expect(notes('sst2')).toBe(
      'Table 1 also has Full fine-tuning, VeRA, FourierFT, for which Table 2 states no FLOPs.',
    );
  });
});
