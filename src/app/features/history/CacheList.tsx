/** What was downloaded from a hub and is kept, by repository: how large it is, and a way to free it. */
import { Button, Group, Table, Text } from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import type { CacheEntry } from '../../../checkpoint/cache';
import { bytes, grouped } from '../../format';
import { errorInfo } from '../../../worker/rpc-errors';
import { reportError } from '../../store';
import { worker } from '../../worker-client';

interface Repository {
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly entries: readonly CacheEntry[];
  readonly size: number;
}

/** Cached files by hub, repository and revision; the largest first. */
export function byRepository(entries: readonly CacheEntry[]): Repository[] {
  const found = new Map<string, CacheEntry[]>();
  for (const entry of entries) {
    const { endpoint, repositoryType, repository, revision } = entry.key;
    const key = [endpoint, repositoryType, repository, revision].join(' ');
    found.set(key, [...(found.get(key) ?? []), entry]);
  }
  return [...found]
    .map(([key, files]): Repository => {
      const { repositoryType, repository, revision, endpoint } = files[0]!.key;
      const kind = repositoryType === 'dataset' ? 'data set' : 'checkpoint';
      return {
        key,
        name: repository,
        kind: `${kind}, ${revision}, ${endpoint}`,
        entries: files,
        size: files.reduce((sum, { size }) => sum + size, 0),
      };
    })
    .sort((a, b) => b.size - a.size);
}

export function CacheList() {
  const [entries, setEntries] = useState<readonly CacheEntry[]>();
  const [problem, setProblem] = useState<string>();
  const [estimate, setEstimate] = useState<StorageEstimate>();
  const load = useCallback(async () => {
    try {
      setEntries(await worker().cacheEntries());
      setEstimate(await navigator.storage?.estimate());
    } catch (error) {
      setProblem(errorInfo(error).message);
    }
  }, []);
  useEffect(() => void load(), [load]);
  const free = async (files: readonly CacheEntry[]) => {
    for (const file of files) await worker().deleteCached(file);
    await load();
  };
  const repositories = byRepository(entries ?? []);
  const total = repositories.reduce((sum, { size }) => sum + size, 0);
  const room =
    estimate?.usage !== undefined && estimate.quota !== undefined
      ? `; this site uses ${bytes(estimate.usage)} of the ${bytes(estimate.quota)} the browser grants it`
      : '';
  return (
    <section aria-labelledby="cache-title">
      <Group justify="space-between" mb={4}>
        <div>
          <Text id="cache-title" component="h3" fw={600} size="sm" m={0}>
            Downloads kept
          </Text>
          <Text size="xs" c="var(--quiet)">
            {problem ??
              (entries ? `${total ? bytes(total) : 'Nothing'} of checkpoints and data sets${room}` : 'Looking…')}
          </Text>
        </div>
        {repositories.length > 1 && (
          <Button size="compact-xs" variant="default" onClick={() => void free(entries ?? []).catch(reportError)}>
            Free all
          </Button>
        )}
      </Group>
      {repositories.length > 0 && (
        <Table.ScrollContainer
          minWidth={480}
          scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'group', 'aria-label': 'Downloads kept' } }}
        >
          <Table verticalSpacing={6} fz="xs" aria-labelledby="cache-title">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Repository</Table.Th>
                <Table.Th scope="col" ta="right">
                  Files
                </Table.Th>
                <Table.Th scope="col" ta="right">
                  Size
                </Table.Th>
                <Table.Th scope="col">Actions</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {repositories.map(({ key, name, kind, entries: files, size }) => (
                <Table.Tr key={key}>
                  <Table.Th scope="row" fw={500} style={{ overflowWrap: 'anywhere' }}>
                    {name}
                    <Text size="xs" c="var(--quiet)">
                      {kind}
                    </Text>
                  </Table.Th>
                  <Table.Td ta="right" className="number">
                    {grouped(files.length)}
                  </Table.Td>
                  <Table.Td ta="right" className="number">
                    {bytes(size)}
                  </Table.Td>
                  <Table.Td>
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() => void free(files).catch(reportError)}
                      aria-label={`Free ${name}`}
                    >
                      Free
                    </Button>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </section>
  );
}
