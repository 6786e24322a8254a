import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { writeZip } from './zip';

describe('the zip', () => {
  it('holds every file as it was, whatever its size, and is written in pieces', async () => {
    const large = Uint8Array.from({ length: 9_000_001 }, (_, i) => (i * 31) % 251);
    const files = new Map([
      ['model.safetensors', large],
      ['README.md', new TextEncoder().encode('# Größe')],
      ['empty', new Uint8Array()],
    ]);
    const pieces: Uint8Array[] = [];
    let writing = 0;
    const written = await writeZip('hut-merged', files, async (piece) => {
      expect(writing++).toBe(0);
      await Promise.resolve();
      pieces.push(piece.slice());
      writing--;
    });
    expect(pieces.length).toBeGreaterThan(5);
    const whole = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    expect(whole.length).toBe(written);
    const back = unzipSync(whole);
    expect(Object.keys(back)).toEqual([...files.keys()].map((name) => `hut-merged/${name}`));
    for (const [name, bytes] of files) expect(Buffer.compare(back[`hut-merged/${name}`]!, bytes)).toBe(0);
  });

  it('stops where the disk does', async () => {
    await expect(
      writeZip('x', new Map([['a', new Uint8Array(10)]]), () => Promise.reject(new Error('disk full'))),
    ).rejects.toThrow('disk full');
  });
});
