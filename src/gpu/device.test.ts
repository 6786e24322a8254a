import { create } from 'webgpu';
import { describe, expect, it } from 'vitest';
import { Gpu, requestedLimits } from './device';

describe('a device', () => {
  it('has all that its adapter offers of what large models need', async () => {
    const gpu = await Gpu.open();
    const provider = create([]);
    const adapter = (await provider.requestAdapter({ powerPreference: 'high-performance' }))!;
    for (const name of requestedLimits) expect(gpu.limits[name], name).toBe(adapter.limits[name]);
    // More than a device gets that asks for nothing.
    const asked = await adapter.requestDevice();
    expect(gpu.limits.maxStorageBuffersPerShaderStage).toBeGreaterThan(asked.limits.maxStorageBuffersPerShaderStage);
    asked.destroy();
    gpu.close();
  });
});
