/** One line of progress with an ETA, redrawn on a terminal and printed now and then into a log. */
import type { RunEvent } from '../train/events';

/** `1234567` → `1.23M`. */
export function big(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return power === 0 ? String(value) : `${(value / 1000 ** power).toPrecision(3)}${units[power]}`;
}

export const bytes = (value: number) =>
  value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(2)} GiB` : `${(value / 2 ** 20).toFixed(1)} MiB`;

/** Seconds as `1:02:03` or `2:03`. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return `${h ? `${h}:${String(m).padStart(2, '0')}` : m}:${String(s % 60).padStart(2, '0')}`;
}

export class ProgressLine {
  readonly #terminal = process.stderr.isTTY;
  #shown = 0;
  #started: number | undefined;
  #finished = 0;
  #tokens = 0;
  readonly #losses = new Map<string, number>();
  #steps = 0;

  print(text: string): void {
    if (this.#terminal) process.stderr.write(`\r\x1b[K`);
    console.log(text);
  }

  #show(text: string, always = false): void {
    const now = performance.now();
    // A log gets a line every ten seconds, a terminal ten a second.
    if (!always && now - this.#shown < (this.#terminal ? 100 : 10_000)) return;
    this.#shown = now;
    process.stderr.write(this.#terminal ? `\r\x1b[K${text}` : `${text}\n`);
  }

  event(event: RunEvent): void {
    if (event.type === 'progress') {
      const share = event.total ? ` ${Math.floor((100 * event.done) / event.total)}%` : '';
      this.#show(`${event.phase}${event.label ? ` ${event.label}` : ''}${share}`);
    } else if (event.type === 'step') {
      const { record, totalSteps, method } = event;
      const now = performance.now();
      // The rate is counted from the first finished step on: that one waits for compilers.
      if (this.#started === undefined) this.#started = now;
      else {
        this.#finished++;
        this.#tokens += event.record.tokens;
      }
      this.#losses.set(method, record.loss);
      this.#steps = Math.max(this.#steps, record.step);
      const seconds = (now - this.#started) / 1000;
      const methods = this.#losses.size;
      const left = totalSteps * methods - this.#finished - 1;
      const rate = this.#finished
        ? `${Math.round(this.#tokens / seconds)} tokens/s, ${clock((left * seconds) / this.#finished)} left`
        : '';
      const losses = [...this.#losses].map(([id, loss]) => `${id} ${loss.toFixed(4)}`).join('  ');
      this.#show(`step ${this.#steps}/${totalSteps}  loss ${losses}  ${rate}`, record.step === totalSteps);
    } else if (event.type === 'evaluation') {
      const metrics = Object.entries(event.record.metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`);
      this.print(
        `step ${event.record.step}  ${event.method}: ${metrics.join('  ')}${event.best ? '  (best so far)' : ''}`,
      );
    } else if (event.type === 'stopped') this.print(event.message);
  }

  end(): void {
    if (this.#terminal) process.stderr.write('\r\x1b[K');
  }
}
