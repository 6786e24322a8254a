/** Pause, single step, resume and stop: a gate that the training loop passes before every step. */
export class Steering {
  #paused = false;
  #single = 0;
  #stopping = false;
  #wake: (() => void) | undefined;

  /** @param onPaused called when the loop really waits, and with false when it goes on */
  constructor(readonly onPaused: (paused: boolean) => void) {}

  pause(): void {
    this.#paused = true;
  }

  step(): void {
    this.#paused = true;
    this.#single++;
    this.#wake?.();
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
  }

  stop(): void {
    this.#stopping = true;
    this.#wake?.();
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** For `RunControl.beforeStep`. */
  async beforeStep(): Promise<'continue' | 'stop'> {
    let waited = false;
    while (this.#paused && this.#single === 0 && !this.#stopping) {
      if (!waited) this.onPaused(true);
      waited = true;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#wake = undefined;
    if (this.#stopping) return 'stop';
    if (this.#single > 0) this.#single--;
    if (waited) this.onPaused(false);
    return 'continue';
  }
}
