/** Collects events and hands them on at most ten times a second, so that a fast GPU cannot flood the page. */
import type { WorkerEvent } from './protocol';

export const batchInterval = 100;

type Untimed<T> = T extends unknown ? Omit<T, 'at'> : never;

export class EventBatches {
  #waiting: WorkerEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly deliver: (events: readonly WorkerEvent[]) => unknown) {}

  add(event: Untimed<WorkerEvent>): void {
    const timed = { ...event, at: performance.timeOrigin + performance.now() } as WorkerEvent;
    const last = this.#waiting.at(-1);
    // Of a phase's progress only the newest matters.
    if (
      last?.type === 'progress' &&
      timed.type === 'progress' &&
      last.phase === timed.phase &&
      last.label === timed.label
    )
      this.#waiting[this.#waiting.length - 1] = timed;
    else this.#waiting.push(timed);
    this.#timer ??= setTimeout(() => this.flush(), batchInterval);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length) this.deliver(events);
  }
}
