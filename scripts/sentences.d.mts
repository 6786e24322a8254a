/** The bundled sample by file, as `public/data/sample` has it. */
export function sampleFiles(): Record<'train.tsv' | 'validation.tsv', string>;
