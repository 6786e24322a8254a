/**
 * What a parameter-efficient fine-tuning method is: an object in the registry that tells its settings, the tensors it trains
 * beside a linear layer, how it rewrites the layer, how it merges, and what the paper says it costs.
 */
import type { z } from 'zod';
import type { Graph } from '../graph/graph';
import type { Tensor } from '../graph/tensor';
import type { LinearSite } from '../models/encoder';

/** A trained tensor of a method. */
export interface MethodTensor {
  /** Suffix to the layer's name, as in the adapter file, e.g. `lora_A.weight`. */
  readonly suffix: string;
  readonly shape: readonly number[];
  initial(seed: number, name: string): Float32Array;
  /** Weight decay pulls towards this value: 0 for additive tensors, 1 for multiplicative ones. */
  readonly decayTarget: number;
}

/** A dense linear layer: `weight [out, in]`, `bias [out]`. */
export interface DenseLayer {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

export interface MethodSettings {
  readonly targetModules: readonly string[];
}

export interface PeftMethod<Settings extends MethodSettings = MethodSettings> {
  readonly id: string;
  readonly title: string;
  /** One sentence for a card. */
  readonly summary: string;
  readonly paper: string;
  /** What `adapter_config.json` calls it. */
  readonly peftType: string;
  /** Settings as they stand in a recipe, defaults filled in. */
  readonly schema: z.ZodType<Settings>;
  tensors(site: LinearSite, settings: Settings): MethodTensor[];
  /** Traces the rewritten layer. `parameter` gives the trained tensor of a suffix; `dropoutSite` numbers this layer's dropout. */
  apply(
    graph: Graph,
    layer: { x: Tensor; weight: Tensor; bias: Tensor },
    context: { settings: Settings; parameter(suffix: string): Tensor; training: boolean; dropoutSite: number },
  ): Tensor;
  /** The layer that computes the same without the method. Float64 inside. */
  merge(site: LinearSite, settings: Settings, layer: DenseLayer, values: (suffix: string) => Float32Array): DenseLayer;
  /** FLOPs a forward pass adds for one layer by the paper's formula (Eq. 11), which does not depend on tokens. */
  paperFlops(site: LinearSite, settings: Settings): number;
  /** The method's own fields of `adapter_config.json`. */
  adapterConfig(settings: Settings): Record<string, unknown>;
  /** Settings from an adapter folder's configuration, which must agree with the recipe's. Names the field that does not. */
  matches(settings: Settings, config: Readonly<Record<string, unknown>>): string | undefined;
}
