/**
 * Figures that the paper (arXiv 2409.13501, Table 2) states for RoBERTa large, queries and values of all 24 layers, rank 8: FLOPs that
 * a method adds to a forward pass. Its scores are not among what we can vouch for, so they are not drawn.
 */
export const paperFlops: readonly { readonly method: string; readonly title: string; readonly flops: number }[] = [
  { method: 'hut', title: 'paper: HUT', flops: 0.2e9 },
  { method: 'lora', title: 'paper: LoRA', flops: 0.86e9 },
];
