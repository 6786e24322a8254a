/** Where a run finds what its recipe names; one for Node, one for the page. */
import type { FileSource } from '../checkpoint/source';
import type { DataFile } from '../data/load-labelled';
import type { Gpu } from '../gpu/device';
import type { KernelChoice, LinearShape } from '../graph/tensor';
import type { RunEvent } from './events';

/** What a run tells of itself before its kernels are chosen. */
export interface KernelNeeds {
  /** Its linear layers; compiles its programs, so it is asked for only where something depends on it. */
  shapes(): LinearShape[];
  /** Called before anything is timed. */
  onTuning?(): void;
}

export interface Environment {
  gpu(): Promise<Gpu>;
  /** Kernels that suit the device. */
  choice(gpu: Gpu, needs: KernelNeeds): Promise<KernelChoice>;
  /** `bundled:…`, a hub id, or a folder. */
  checkpoint(reference: string, revision?: string): FileSource;
  /** An adapter folder. */
  adapter(reference: string): FileSource;
  /** A data file the recipe names. */
  file(path: string): DataFile;
  dataset(repository: string, revision?: string): FileSource;
  /** Bytes that a run should not exceed on the device, as far as the environment can tell; undefined where it cannot. */
  budgetBytes?(): number | undefined;
  /** The folder of data that come with the project. */
  bundled(name: string): FileSource;
}

export interface PrepareOptions {
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
