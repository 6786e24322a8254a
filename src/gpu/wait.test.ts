import { describe, expect, it } from 'vitest';
import { finished } from './wait';

const after = (milliseconds: number) =>
  new Promise<string>((resolve) => setTimeout(() => resolve('done'), milliseconds));

describe('waiting for the device', () => {
  it('gives what was promised, however many wait', async () => {
    const failed = () => after(5).then(() => Promise.reject(new Error('lost')));
    await expect(Promise.all([finished(after(1)), finished(after(30)), finished(after(10))])).resolves.toEqual([
      'done',
      'done',
      'done',
    ]);
    await expect(finished(failed())).rejects.toThrow('lost');
    await expect(finished(after(1))).resolves.toBe('done');
  });

  it('sleeps for most of a long wait', async () => {
    const before = process.cpuUsage();
    await finished(after(600));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000, 'ms of CPU in 600 ms').toBeLessThan(300);
  });
});
