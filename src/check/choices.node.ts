/**
 * Every variant of the kernels as a choice of its own, so that tests run those that the rule of the device at hand would never pick:
 * on a software adapter a GPU's (`tiled…`, one query a thread, 32 threads a row), on a GPU a software adapter's.
 */
import type { Gpu } from '../gpu/device';
import type { KernelChoice } from '../graph/tensor';
import { attentionVariants, linearVariants, type LinearVariantName } from '../graph/variants';

export interface NamedChoice {
  /** That of the matrix product's variant. */
  readonly name: LinearVariantName;
  readonly choice: KernelChoice;
  /** Whether the device can compile it. */
  runsOn(gpu: Gpu): boolean;
}

const every: readonly NamedChoice[] = (Object.keys(linearVariants) as LinearVariantName[]).map((name) => {
  const [family] = name.split(' ');
  const attention = { quad: 'own 4 by quads', block: 'own 4', tiled: 'own 1' } as const;
  const { quad, ...variant } = attentionVariants[attention[family as keyof typeof attention]];
  return {
    name,
    choice: {
      // All products, thin ones too.
      linear: () => linearVariants[name],
      attention: () => ({ ...variant, quad }),
      lanesPerRow: family === 'tiled' ? 32 : 1,
    },
    runsOn: ({ features }) => !quad || features.has('subgroups'),
  };
});

/** `npm run test:drivers` sets it. Compiling the large tiles takes a software adapter minutes. */
export const everyVariant = process.env['EVERY_VARIANT'] === '1';

/** A GPU's usual choice, or with `EVERY_VARIANT=1` all. */
export const testedChoices = everyVariant ? every : every.filter(({ name }) => name === 'tiled 64×64');
