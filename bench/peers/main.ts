/** The page of the contest: builds each contestant on the same numbers and runs them in turns, so that drift hits all alike. */
// @ts-expect-error Plain JavaScript: the peers' types do not meet in one program.
import { jax } from './jax';
import { ours } from './ours';
import { makeValues, type Contestant } from './shapes';
// @ts-expect-error As above.
import { tensorflow } from './tensorflow';
import { staticChoice } from '../../src/graph/variants';

export interface Result {
  readonly name: string;
  readonly device: string;
  readonly losses: readonly number[];
  /** Milliseconds. */
  readonly first: number;
  readonly steps: readonly number[];
  readonly matmuls: readonly number[];
  /** Largest difference of the matmul's first row from float64, relative to its largest value. */
  readonly matmulError: number;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function matmulError(row: Float32Array, { a, b }: ReturnType<typeof makeValues>): number {
  const size = row.length;
  const expected = Float64Array.from({ length: size }, (_, j) => {
    let sum = 0;
    for (let k = 0; k < size; k++) sum += a.data[k]! * b.data[k * size + j]!;
    return sum;
  });
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, j) => Math.abs(value - row[j]!) / scale));
}

async function contest(rounds: number): Promise<Result[]> {
  const values = makeValues();
  const make: (() => Promise<Contestant>)[] = [
    () => ours(values, (identity) => staticChoice(identity)),
    () => jax(values),
    () => tensorflow(values),
  ];
  const runs: { contestant: Contestant; losses: number[]; first: number; steps: number[]; matmuls: number[] }[] = [];
  for (const build of make) {
    const contestant = await build();
    const losses: number[] = [];
    const first = await timed(async () => losses.push(await contestant.step()));
    losses.push(await contestant.step());
    await contestant.matmul();
    runs.push({ contestant, losses, first, steps: [], matmuls: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const run of runs) run.steps.push(await timed(async () => run.losses.push(await run.contestant.step())));
    for (const run of runs) run.matmuls.push(await timed(() => run.contestant.matmul()));
  }
  return Promise.all(
    runs.map(async ({ contestant, ...measured }) => ({
      name: contestant.name,
      device: contestant.device,
      ...measured,
      matmulError: matmulError(await contestant.matmulRow(), values),
    })),
  );
}

Object.assign(window, { contest, ready: true });
