/**
 * Greedy decoding with the cache against decoding without it, which reads the whole text again for each token: dispatches and bytes a
 * token, and the ratio of their times in one run on the adapter it names.
 *
 * usage: node scripts/node.mjs src/cli/bench-decoding.ts [CHECKPOINT]
 */
import { likeliest } from '../generate/next-token';
import { adapterLabel } from '../gpu/device';
import { DeviceDecoder } from '../train/decoder';
import { decodingPrograms } from '../train/decoding';
import { prepare } from '../train/prepare';
import { parseRecipe } from '../train/recipe';
import { nodeEnvironment } from './environment';

const promptLength = 32;
const tokens = 64;
const rounds = 5;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export async function main([checkpoint = 'bundled:tiny-gpt2']: string[]): Promise<number> {
  const recipe = parseRecipe({
    checkpoint,
    task: 'restaurants',
    methods: [{ method: 'head' }],
    training: { maxSteps: 1, batchSize: 1, maxLength: promptLength + tokens + 32 },
  });
  const { trainers, memory, model, plan, tokenizer } = await prepare(recipe, nodeEnvironment('.', '.'));
  const [trainer] = trainers;
  const { tuned } = trainer!.options;
  const decoder = () =>
    new DeviceDecoder({
      memory,
      flat: trainer!.flat,
      vocabSize: model.vocabSize,
      programs: (shape) => decodingPrograms(tuned, shape, trainer!.layout, plan.program),
    });
  const prompt = Uint32Array.from({ length: promptLength }, (_, i) => (i * 37) % tokenizer.vocabSize);
  const [cached, whole] = [decoder(), decoder()];
  const none = new Set<number>();

  const withCache = async () => {
    const written: number[] = [];
    let scores = await cached.begin([prompt], 1, tokens);
    for (;;) {
      written.push(likeliest(scores, none));
      if (written.length === tokens) return written;
      scores = await cached.step(Uint32Array.of(written.at(-1)!), Uint32Array.of(0));
    }
  };
  const withoutCache = async () => {
    const written: number[] = [];
    while (written.length < tokens) {
      const scores = await whole.begin([Uint32Array.from([...prompt, ...written])], 1, 1);
      written.push(likeliest(scores, none));
    }
    return written;
  };

  const times: [number, number][] = [];
  let same = true;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    const first = await withCache();
    const between = performance.now();
    const second = await withoutCache();
    same &&= first.join() === second.join();
    // The first round compiles.
    if (round > 0) times.push([between - start, performance.now() - between]);
  }
  const shape = { prompts: 1, promptLength, beams: 1, capacity: tokens };
  const { token } = decodingPrograms(tuned, shape, trainer!.layout, plan.program);
  const last = { ...shape, promptLength: promptLength + tokens };
  const { prompt: again } = decodingPrograms(tuned, last, trainer!.layout, plan.program);
  const [fast, slow] = [0, 1].map((i) => median(times.map((pair) => pair[i]!)) / tokens) as [number, number];
  const row = (name: string, { dispatches, bytes, flops }: typeof token.cost, milliseconds: number) =>
    `| ${name} | ${dispatches} | ${(bytes / 2 ** 20).toFixed(1)} | ${(flops / 1e6).toFixed(1)} | ${milliseconds.toFixed(1)} |`;
  console.log(`Adapter: ${adapterLabel(memory.gpu.identity)}; ${checkpoint}; ${promptLength} tokens read, ${tokens} written, median of ${rounds} rounds in turns

| a token | dispatches | MiB bound | MFLOP | ms |
|---|---:|---:|---:|---:|
${row('with the cache (full)', token.cost, fast)}
${row('without it (the last token)', again.cost, slow)}

Without the cache a token takes ${(slow / fast).toFixed(2)} times as long on average; the texts are ${same ? 'the same' : 'DIFFERENT'}.`);
  return same ? 0 : 1;
}
