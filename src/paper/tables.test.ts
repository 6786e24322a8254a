import { describe, expect, it } from 'vitest';
import { glueTasks, paperTablesSchema } from './schema';
import { paperPoints, paperTables, table1Column } from './tables';

const { table1, table2, table4, table5, figure3 } = paperTables;

describe('the paper’s tables', () => {
  it('have the shape that their types promise', () => {
    expect(paperTablesSchema.parse(paperTables)).toEqual(paperTables);
  });
  it('print averages that are the means of their rows, to the digit printed', () => {
    for (const { method, scores, average } of table1.rows) {
      const mean = glueTasks.reduce((sum, task) => sum + scores[task], 0) / glueTasks.length;
      expect(Math.abs(mean - average), `${method}: ${mean}`).toBeLessThanOrEqual(0.05 + 1e-9);
    }
  });
  it('have a score for every column', () => {
    for (const task of ['mrpc', 'cola'] as const) {
      expect(table4[task]).toHaveLength(table4.columns.length);
      for (const scores of Object.values(table5[task])) expect(scores).toHaveLength(table5.ranks.length);
    }
  });
});

describe('points of score against FLOPs', () => {
  it('are Figure 3’s, with the averages', () => {
    expect(
      paperPoints('average').map(({ title, flops, score }) => [title, flops / 1e9, Number((100 * score).toFixed(1))]),
    ).toEqual(
      figure3.points.map(({ method, trainableParameters, gflops, average }) => [
        `${method} ${trainableParameters}`,
        gflops,
        average,
      ]),
    );
  });
  it('leave out no row of Table 2, in any column', () => {
    for (const column of [...glueTasks, 'average'] as const)
      expect(paperPoints(column), column).toHaveLength(table2.rows.length);
  });
  it('tell the score, its spread and whose it is', () => {
    expect(paperPoints('rte').find(({ title }) => title === 'HUT 0.9M')).toEqual({
      title: 'HUT 0.9M',
      flops: 0.2e9,
      score: 0.874,
      spread: 0.003,
      fromPriorWork: false,
    });
  });
  it('are a task’s own only by the metric that Table 1 has', () => {
    expect(table1Column('cola', 'matthews_correlation')).toBe('cola');
    expect(table1Column('mrpc', 'accuracy')).toBe('mrpc');
    expect(table1Column('mrpc', 'f1')).toBeUndefined();
    expect(table1Column('sample', 'accuracy')).toBeUndefined();
  });
});
