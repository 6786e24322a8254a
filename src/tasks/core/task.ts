/**
 * What a task is: one file a kind that reads rows, encodes them, puts head and loss on a model, decodes and scores, and tells what is
 * exported and shown. Everything else in the project treats rows and answers as the task's own affair.
 */
import type { z } from 'zod';
import type { FileSource, ReadOptions } from '../../checkpoint/source';
import type { Batch } from '../../data/batching';
import type { EncodedExamples, EncodeOptions } from '../../data/encoding';
import type { LoadedData, SplitFiles } from '../../data/load-labelled';
import type { SplitName } from '../../data/splits';
import type { TextTokenizer } from '../../data/tokenizer';
import type { Generated, GenerateOptions } from '../../generate/generate';
import type { GenerationSettings } from '../../generate/settings';
import type { Tensor } from '../../graph/tensor';
import type { Interval } from '../../metrics/interval';
import type { BatchShape, Head, Model, Scope } from '../../models/core/model';

/** An example as it is shown: as text, whatever it holds. */
export interface ExampleView {
  readonly text: string;
  readonly pair?: string;
  /** What the data say of it. */
  readonly truth: string;
}

/** What a model says to a question: a line, and where it chooses among answers the share it gives to each. */
export interface AnswerView {
  readonly answer: string;
  readonly shares?: readonly { readonly label: string; readonly share: number }[];
}

/** A picture of a whole evaluation. */
export type Figure =
  /** `counts[truth][answer]` */
  | { readonly type: 'confusion'; readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] }
  | { readonly type: 'scatter'; readonly points: readonly { readonly truth: number; readonly prediction: number }[] };

/** A question, and what the model writes to it. */
export interface Sample {
  readonly input: string;
  readonly output: string;
}

/** Counts of what the training rows hold, for a bar chart. */
export interface Distribution {
  readonly title: string;
  readonly bars: readonly { readonly name: string; readonly count: number }[];
}

/** A split's rows and their tokens. */
export interface EncodedSplit<Row = unknown> {
  readonly rows: readonly Row[];
  readonly encoded: EncodedExamples;
}

/** A model that answers batches: a contender in training, or the base model. */
export interface Predictor {
  /** What the task reads out, row by row. */
  predict(batch: Batch): Promise<Float32Array>;
  /** How prompts go on, in their order; only a model with a language model's head can tell. */
  generate(
    prompts: readonly Uint32Array[],
    settings: GenerationSettings,
    options: GenerateOptions & {
      readonly batchSize: number;
      /** Called with the prompts done so far. */
      readonly onProgress?: ((done: number) => void) | undefined;
    },
  ): Promise<Generated[]>;
}

export interface EvaluateOptions {
  readonly tokenizer: TextTokenizer;
  readonly seed: number;
  /** Called while text is generated, with what an example's answer is so far. */
  readonly onText?: ((example: number, text: string) => void) | undefined;
  readonly batchSize: number;
  readonly maxLength: number;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What exports say of a task. */
export interface TaskExport {
  /** PEFT's `task_type`. */
  readonly taskType: string;
  /** The hub's `pipeline_tag`. */
  readonly pipelineTag: string;
  readonly tags: readonly string[];
  /** What the merged model's `config.json` gains, e.g. label names. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Lines of the model card: what goes in and what comes out, by name. */
  readonly facts: readonly (readonly [name: string, words: string])[];
  readonly python: TaskPython;
}

/** The task's part of an export's `continue.py`. */
export interface TaskPython {
  /** Class of `transformers` that opens a model of this task, e.g. `AutoModelForSequenceClassification`. */
  readonly autoClass: string;
  /** Arguments that open the base checkpoint with a fresh head. */
  readonly headArguments: string;
  /** What the script answers where it is asked nothing: as many texts as the task takes. */
  readonly texts: readonly string[];
  /** Columns of a table to train on, targets included. */
  readonly columns: string;
  /** What it imports of the standard library, e.g. `import re`. */
  readonly standard?: readonly string[];
  /** Lines before everything else, such as label names. */
  readonly constants: string;
  /** The functions `encode(tokenizer, rows)`, `answer(model, tokenizer, *texts)` and `batch_loss(model, tokenizer, rows)`. */
  readonly code: string;
}

/** What of an answer is explained: see `Explaining`. */
export interface Subject {
  /** The answer, as it is shown. */
  readonly label: string;
  /** Tokens `from … to` of the row, the last one included, whose final states are the answer's. */
  readonly from: number;
  readonly to: number;
  /** Whether these tokens are the answer itself, to be marked. */
  readonly isSpan: boolean;
  /** Which of the head's numbers score the answer, as the task counts them. */
  readonly choice: readonly number[];
}

/** Where a row's tokens stand in a batch and in what the head gives for it. */
export interface RowPlace {
  /** Row of the batch. */
  readonly at: number;
  readonly batchSize: number;
  /** Padded length of the batch. */
  readonly length: number;
  readonly vocabSize: number;
  /** Real tokens of the row. */
  readonly tokens: number;
  /** Whether a token belongs to what may answer, e.g. to a passage. Left out: any may. */
  readonly inPassage?: (token: number) => boolean;
}

/**
 * How a task's answers are explained: one number, the answer's score, whose gradient tells what it depends on, and the tokens in whose
 * final states the answer lies.
 */
export interface Explaining {
  /**
   * Traces what is read, and what a gradient starts from: `of`, and a `seed` of its shape made of inputs, so that the sum of their
   * products is the score.
   */
  trace(
    scope: Scope,
    outputs: Tensor,
    shape: BatchShape,
    head: Head,
  ): { readonly read: readonly Tensor[]; readonly of: Tensor; readonly seed: Tensor };
  /** What a model answers to a row. @param read values of what `trace` reads */
  subject(read: readonly Float32Array[], row: RowPlace, tokenizer: TextTokenizer): Subject;
  /** Inputs of the seed that choose the subject in every row of a batch, by name. */
  seeds(subject: Subject, shape: BatchShape): Readonly<Record<string, Float32Array | Uint32Array>>;
  /** The score that the gradient is of. */
  score(read: readonly Float32Array[], subject: Subject, row: RowPlace): number;
  /** The answer's probability; of a regression, the score itself. */
  probability(read: readonly Float32Array[], subject: Subject, row: RowPlace): number;
}

export interface Task<Row = unknown, Answers = unknown> {
  readonly id: string;
  readonly title: string;
  /** One sentence: what is asked of the model. */
  readonly question: string;
  /** The metric by which the weights are chosen; higher is better, unless it is said to be the other way round. */
  readonly primaryMetric: string;
  readonly lowerIsBetter?: boolean;
  /** What a person types to ask the model, in order: one text or more. */
  readonly fields: readonly string[];

  /** A typed question as a row, whose truth is not known. */
  rowOf(texts: readonly string[]): Row;
  encode(tokenizer: TextTokenizer, rows: readonly Row[], options: EncodeOptions): Promise<EncodedExamples>;
  head(model: Model): Head;
  /** @param outputs what the head traced @returns `[1]`; reads the batch's targets as inputs of their names */
  loss(scope: Scope, outputs: Tensor, shape: BatchShape, head: Head): Tensor;
  /** What a prediction reads back, `[batchSize, …]`, where that is not what the head traced. */
  readout?(scope: Scope, outputs: Tensor, shape: BatchShape, head: Head): Tensor;
  /** Answers to all rows of a split, in their order. */
  evaluate(predictor: Predictor, split: EncodedSplit<Row>, options: EvaluateOptions): Promise<Answers>;
  /** What the model writes for the first few rows, to be read as it learns. */
  samples?(rows: readonly Row[], answers: Answers): readonly Sample[];
  /** Metrics by name, and the mean loss as `loss`. */
  score(rows: readonly Row[], encoded: EncodedExamples, answers: Answers): Record<string, number>;

  /** How sure the primary metric is. Left out: no interval is known. */
  interval?(rows: readonly Row[], answers: Answers): Interval;
  /** What answers that ignore the text would score, e.g. always the commonest class of the training rows. */
  guess?(
    train: readonly Row[],
    rows: readonly Row[],
  ): { readonly title: string; readonly metrics: Readonly<Record<string, number>> };

  view(row: Row): ExampleView;
  answerView(answers: Answers, index: number): AnswerView;
  /** How far two models' answers to a row are apart: 0 where they say the same. */
  difference(one: Answers, other: Answers, index: number): number;
  /** Undefined where answers are not right or wrong. */
  isRight?(rows: readonly Row[], answers: Answers, index: number): boolean;
  figure?(rows: readonly Row[], answers: Answers): Figure;
  distribution(rows: readonly Row[]): Distribution;
  /** A row of `predictions.jsonl`: what was asked, what was answered, and the numbers behind it. */
  prediction(rows: readonly Row[], encoded: EncodedExamples, answers: Answers, index: number): Record<string, unknown>;
  /** Left out: what the words do for its answers is not shown. */
  readonly explaining?: Explaining;
  /** Files beside `predictions.jsonl`, by name, such as those that a task's own scorer reads. */
  predictionFiles?(rows: readonly Row[], answers: Answers): Map<string, string>;
  readonly export: TaskExport;
}

export interface LoadedTask<Row = unknown> extends LoadedData<Row> {
  readonly task: Task<Row>;
}

/** Where a task may read its rows from. */
export interface DataSources {
  /** The recipe's files, where it names any. */
  readonly files?: SplitFiles;
  /** A data set of the hub. */
  dataset(repository: string, revision?: string): FileSource;
  /** The bundled data under this name. */
  bundled(name: string): FileSource;
  readonly seed: number;
}

/** Fields of a recipe that only some tasks have, each an own schema with its default. */
export interface TaskFields {
  readonly data?: z.ZodRawShape;
  readonly training?: z.ZodRawShape;
  /** Beside `data` and `training`, e.g. how text is generated. */
  readonly recipe?: z.ZodRawShape;
  /** What those of `training` are called and do, where their names do not say it. */
  readonly words?: Readonly<Record<string, { readonly label: string; readonly help?: string }>>;
}

/** The part of a recipe that a task reads, beside the fields of its own. */
export interface TaskRecipe {
  readonly task: string;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly training: Readonly<Record<string, unknown>>;
}

/** A task as a recipe names it; the rows decide the rest (a table of one's own: its classes). */
export interface TaskEntry<Row = unknown> {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  /** Under which heading it is listed. */
  readonly group: string;
  /** Splits that a recipe may name files for, and those that other sources have. */
  readonly splits: readonly SplitName[];
  /** The hub's data set, where it has one. */
  readonly dataset?: string;
  /** The checkpoint that a recipe has if it names none; by default the bundled encoder. */
  readonly checkpoint?: string;
  /** Columns by which a table is known to be this task's: all of one of these sets. */
  readonly columns?: readonly (readonly string[])[];
  /** Whether rows come from files that the recipe names, and from nowhere else. */
  readonly ownFiles?: boolean;
  readonly fields?: TaskFields;
  /** Throws a `UserError` where the recipe lacks what this task needs. */
  check?(recipe: TaskRecipe): void;
  /** The task as far as the recipe tells, before any row is read. */
  describe(recipe: TaskRecipe): Task<Row>;
  load(recipe: TaskRecipe, sources: DataSources, options: ReadOptions): Promise<LoadedTask<Row>>;
  /** The files among dropped ones that are this task's splits, judged by their names; undefined where none are. */
  recognise?(files: readonly string[]): Partial<Record<SplitName, string>> | undefined;
}
