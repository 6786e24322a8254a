/** The device that a file of tests runs on, opened once, with fresh memory for each test. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';

/** Call it at the top of a file; its parts are there while a test runs. */
export function testDevice(): { readonly gpu: Gpu; readonly memory: DeviceMemory } {
  let gpu: Gpu;
  let memory: DeviceMemory;
  beforeAll(async () => {
    gpu = await Gpu.open();
  });
  afterAll(() => gpu.close());
  beforeEach(() => {
    memory = new DeviceMemory(gpu);
  });
  afterEach(() => memory.dispose());
  return {
    get gpu() {
      return gpu;
    },
    get memory() {
      return memory;
    },
  };
}
