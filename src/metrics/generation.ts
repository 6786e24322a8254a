/** The five measures of the E2E NLG Challenge (Dušek et al. 2018) over a corpus, as its scorer `measure_scores.py` computes them. */
import { bleu } from './bleu';
import { cider } from './cider';
import { meteor } from './meteor';
import { mtevalSegments } from './mteval';
import { nist } from './nist';
import { ptbTokens } from './ptb-tokenizer';
import { rougeL } from './rouge';

/** As the scorer prints them. */
export interface GenerationMetrics {
  /** 0..1. */
  readonly bleu: number;
  /** 0 and up. */
  readonly nist: number;
  /** 0..1; without synonyms and paraphrases, so lower than the scorer's. */
  readonly meteor: number;
  /** 0..1. */
  readonly rougeL: number;
  /** 0..10; 0 where there is one example only. */
  readonly cider: number;
}

/**
 * @param outputs one text an example @param references one or more texts an example
 * @throws RangeError where the lists differ in length, are empty, or an example has no reference: a bug of the caller
 */
export function generationMetrics(
  outputs: readonly string[],
  references: readonly (readonly string[])[],
): GenerationMetrics {
  if (outputs.length !== references.length)
    throw new RangeError(`${outputs.length} outputs for ${references.length} lists of references`);
  if (outputs.length === 0 || references.some((texts) => texts.length === 0))
    throw new RangeError('a metric needs examples, and each example a reference');
  const segments = mtevalSegments(outputs, references);
  const tokens = outputs.map(ptbTokens);
  const referenceTokens = references.map((texts) => texts.map(ptbTokens));
  return {
    bleu: bleu(segments),
    nist: nist(segments),
    meteor: meteor(tokens, referenceTokens),
    rougeL: rougeL(tokens, referenceTokens),
    cider: cider(tokens, referenceTokens),
  };
}
