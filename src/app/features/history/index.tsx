/** History: runs that stay in this browser, and what was downloaded for them. */
import { Stack } from '@mantine/core';
import { Note } from '../Note';
import { useCallback, useEffect, useState } from 'react';
import { errorInfo } from '../../../worker/rpc-errors';
import { CacheList } from './CacheList';
import { listRuns, type RunHead } from './database';
import { onStored } from './keep-runs';
import { RunList } from './RunList';

export { keepRuns } from './keep-runs';

export default function History() {
  const [heads, setHeads] = useState<readonly RunHead[]>();
  const [problem, setProblem] = useState<string>();
  const load = useCallback(() => {
    listRuns().then(
      (found) => {
        setHeads(found);
        setProblem(undefined);
      },
      (error: unknown) => setProblem(errorInfo(error).message),
    );
  }, []);
  useEffect(() => {
    load();
    const stop = onStored(load);
    // Another tab may have stored or deleted some.
    addEventListener('focus', load);
    return () => {
      stop();
      removeEventListener('focus', load);
    };
  }, [load]);
  return (
    <Stack gap="xl">
      {problem !== undefined && (
        <Note color="red" title="Runs cannot be read">
          {problem}
        </Note>
      )}
      {heads && <RunList heads={heads} onChange={load} />}
      <CacheList />
    </Stack>
  );
}
