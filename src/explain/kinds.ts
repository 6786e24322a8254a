/**
 * The kinds of highlights: how strongly an answer relates to each word of its row, by six readings.
 *
 * The paper colours words by the relation of the final layer's output states to the input words, and prints no formula: the first two are
 * readings of that. All others are the literature's.
 */

export const highlightKinds = {
  relationState: {
    title: 'Final states',
    help: 'Cosine of the answer’s final state with each word’s final state: one reading of the paper’s Fig. 4.',
    signed: true,
    combine: 'mean',
  },
  relationInput: {
    title: 'Input words',
    help: 'Cosine of the answer’s final state with each word’s embedding: the other reading of Fig. 4.',
    signed: true,
    combine: 'mean',
  },
  attention: {
    title: 'Attention',
    help: 'What the answer’s tokens attend to in the last layer, over all heads or in one.',
    signed: false,
    combine: 'mean',
  },
  rollout: {
    title: 'Attention rollout',
    help: 'Attention followed through all layers, residual connections counted as half (Abnar and Zuidema 2020).',
    signed: false,
    combine: 'mean',
  },
  gradientInput: {
    title: 'Gradient × input',
    help: 'The gradient of the answer’s score at each word’s embedding, times the embedding.',
    signed: true,
    combine: 'sum',
  },
  integratedGradients: {
    title: 'Integrated gradients',
    help: 'Gradients along the way from an empty text to this one (Sundararajan et al. 2017); they add up to the score’s change.',
    signed: true,
    combine: 'sum',
  },
} as const;

export type HighlightKind = keyof typeof highlightKinds;
export const kindIds = Object.keys(highlightKinds) as HighlightKind[];
