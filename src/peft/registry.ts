/** All methods there are. The page, the recipe and the command line are generated from this list. */
import { hut } from './hut';
import { lora } from './lora';
import type { PeftMethod } from './method';

export const methods: readonly PeftMethod[] = [hut as unknown as PeftMethod, lora as unknown as PeftMethod];

export function methodById(id: string): PeftMethod | undefined {
  return methods.find((method) => method.id === id);
}
