/**
 * A contender's weights at its evaluations, to look back at. Where they grow too many, every second one goes; the first and the newest
 * stay.
 */
import type { TensorValues } from '../graph/flat-buffers';

const bytesOf = (values: TensorValues) => [...values.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);

export class Snapshots {
  #kept: { readonly step: number; readonly values: TensorValues }[] = [];

  constructor(readonly maxBytes: number) {}

  get steps(): number[] {
    return this.#kept.map(({ step }) => step);
  }

  at(step: number): TensorValues | undefined {
    return this.#kept.find((snapshot) => snapshot.step === step)?.values;
  }

  add(step: number, values: TensorValues): void {
    this.#kept.push({ step, values });
    const bytes = bytesOf(values);
    while (this.#kept.length > 2 && this.#kept.length * bytes > this.maxBytes)
      this.#kept = this.#kept.filter((_, i) => i % 2 === 0 || i === this.#kept.length - 1);
  }
}
