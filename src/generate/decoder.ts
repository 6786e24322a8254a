/** A model that goes on with prompts, one batch at a time: what the search asks of it. */
export interface Decoder {
  readonly vocabSize: number;
  /** Reads prompts. @returns the next token's scores after each, `[prompts, vocabSize]` */
  begin(prompts: readonly Uint32Array[], beams: number, maxNewTokens: number): Promise<Float32Array>;
  /**
   * One token more in each of the `prompts · beams` rows.
   *
   * @param tokens what each row goes on with
   * @param parents the row of the step before that each row continues; in the first step the number of its prompt
   * @returns the next token's scores, `[rows, vocabSize]`
   */
  step(tokens: Uint32Array, parents: Uint32Array): Promise<Float32Array>;
}
