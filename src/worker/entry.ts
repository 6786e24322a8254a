/** The worker: everything that touches the GPU or files lives behind this one object. */
import * as Comlink from 'comlink';
import { z } from 'zod';
import type { KernelReport } from '../check/kernels';
import type { CacheEntry } from '../checkpoint/cache';
import { UserError } from '../errors';
import type { WeightPlace } from '../explain/weight-picture';
import { adapterLabel, type Gpu } from '../gpu/device';
import { parseRecipe, type RecipeJson } from '../train/recipe';
import type { GpuCheck, GpuReport, HighlightQuestion, ModelId, RunWorker, WorkerEvent } from './protocol';
import { keepErrorCodes } from './rpc-errors';
import { DroppedFiles } from './dropped';
import { fileCache, pageEnvironment, SharedGpu, type PageSettings } from './environment';
import { inspectData, previewTable } from './inspect';
import { checkpointInfo, planRecipe } from './plan';
import { Session } from './session';

// Schemas compiled with `new Function` are refused by the page's Content-Security-Policy.
z.config({ jitless: true });

function gpuReport({ identity, limits, features }: Gpu): GpuReport {
  const numbers: Record<string, number> = {};
  for (const name in limits) {
    const value = (limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') numbers[name] = value;
  }
  return { identity, label: adapterLabel(identity), limits: numbers, features: [...features] };
}

class Engine implements RunWorker {
  #settings: PageSettings | undefined;
  readonly #dropped = new DroppedFiles();
  readonly #gpu = new SharedGpu();
  #session: Session | undefined;
  #check: AbortController | undefined;

  configure(settings: PageSettings): void {
    this.#settings = settings;
  }

  #environment() {
    if (!this.#settings) throw new Error('configure() comes first');
    return pageEnvironment(this.#settings, this.#dropped, this.#gpu);
  }

  async openGpu(): Promise<GpuReport> {
    return gpuReport(await this.#gpu.open());
  }

  async checkGpu(onProgress: (check: GpuCheck) => void): Promise<GpuCheck> {
    this.#assertIdle();
    this.stopCheck();
    const { signal } = (this.#check = new AbortController());
    const gpu = await this.#gpu.open();
    const { checkKernels, kernelCount } = await import('../check/kernels');
    // What trains is what is checked.
    const choice = await (await this.#environment()).choice(gpu, { shapes: () => [] });
    const check = { gpu: gpuReport(gpu), kernels: [] as KernelReport[], total: kernelCount };
    for await (const report of checkKernels(gpu, { choice, signal })) {
      check.kernels.push(report);
      onProgress(check);
    }
    return check;
  }

  stopCheck(): void {
    this.#check?.abort();
  }

  #assertIdle(): void {
    if (this.#session && !this.#session.ended) throw new UserError('run/busy', 'A run is on its way; stop it first.');
  }

  addFiles(files: readonly File[]) {
    return this.#dropped.add(files);
  }

  async checkpointInfo(reference: string, revision?: string) {
    return checkpointInfo(reference, revision, await this.#environment());
  }

  previewTable(file: string) {
    return previewTable(this.#dropped.table(file));
  }

  async inspectData(recipe: RecipeJson) {
    return inspectData(parseRecipe(recipe), await this.#environment());
  }

  async plan(recipe: RecipeJson, trainExamples?: number) {
    const gpu = await this.#gpu.open().catch(() => undefined);
    return planRecipe(parseRecipe(recipe), await this.#environment(), gpu, trainExamples);
  }

  async drawWeight(recipe: RecipeJson, place: WeightPlace) {
    const { pictureOfRecipe } = await import('./pictures');
    return pictureOfRecipe(parseRecipe(recipe), await this.#environment(), place);
  }

  drawTrainedWeight(place: WeightPlace) {
    return this.#current.drawWeight(place);
  }

  async start(recipe: RecipeJson, onEvents: (events: readonly WorkerEvent[]) => void): Promise<void> {
    this.#assertIdle();
    this.stopCheck();
    const parsed = parseRecipe(recipe);
    const before = this.#session;
    const session = (this.#session = new Session(onEvents));
    await before?.dispose();
    await session.train(parsed, await this.#environment());
  }

  pause(): void {
    this.#session?.steering.pause();
  }

  step(): void {
    this.#session?.steering.step();
  }

  resume(): void {
    this.#session?.steering.resume();
  }

  stop(): void {
    this.#session?.stop();
  }

  get #current(): Session {
    if (!this.#session) throw new UserError('run/none', 'Nothing has been trained yet; press Train first.');
    return this.#session;
  }

  predict(models: readonly ModelId[], texts: readonly string[], onText?: (model: ModelId, text: string) => void) {
    return this.#current.predict(models, texts, onText);
  }

  stopPrediction() {
    this.#current.stopPrediction();
  }

  evaluationDetails() {
    return this.#current.evaluationDetails();
  }

  results() {
    return this.#current.results();
  }

  async exportFolder(method: string, kind: 'merged' | 'adapter') {
    const files = await this.#current.exportFolder(method, kind);
    // Weights are moved; small files may be views of what is still needed here, and are copied.
    const weights = [...files]
      .filter(([name]) => name.endsWith('.safetensors'))
      .map(([, bytes]) => bytes.buffer as ArrayBuffer);
    return Comlink.transfer(files, weights);
  }

  highlight(question: HighlightQuestion) {
    return this.#current.highlight(question);
  }

  snapshotSteps() {
    return this.#current.snapshotSteps();
  }

  checkFaithfulness(models: readonly ModelId[], examples: number, onProgress: (done: number, total: number) => void) {
    return this.#current.checkFaithfulness(models, examples, onProgress);
  }

  exportHighlights(method: string, examples: number, onProgress: (done: number, total: number) => void) {
    return this.#current.exportHighlights(method, examples, onProgress);
  }

  exportPredictions(method: string) {
    return this.#current.exportPredictions(method);
  }

  async cacheEntries(): Promise<CacheEntry[]> {
    return (await (await fileCache())?.list()) ?? [];
  }

  async deleteCached(entry: CacheEntry): Promise<void> {
    await (await fileCache())?.delete(entry.key);
  }
}

keepErrorCodes();
Comlink.expose(new Engine());
