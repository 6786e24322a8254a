/** The best evaluation of the run, example by example: confusion or scatter, and where the methods disagree. */
import { Group, Loader, Text } from '@mantine/core';
import { Note } from '../Note';
import { useEffect, useState } from 'react';
import type { ErrorInfo, EvaluationDetails } from '../../../worker/protocol';
import { errorInfo } from '../../../worker/rpc-errors';
import { useRunLooks } from '../../chart/runs';
import { useApp } from '../../store';
import { worker } from '../../worker-client';
import { Confusion } from './Confusion';
import { Disagreements } from './Disagreements';
import { TruthScatter } from './TruthScatter';

type State = { readonly details?: EvaluationDetails; readonly error?: ErrorInfo };

/** Asked again after every evaluation of the run that the worker holds. */
function useDetails(): State | undefined {
  const asked = useApp(({ run }) => {
    const count = run?.methods.reduce((sum, { evaluations }) => sum + evaluations.length, 0) ?? 0;
    return run && count ? `${run.id} ${count}` : undefined;
  });
  const [known, setKnown] = useState<State & { readonly of: string }>();
  useEffect(() => {
    if (asked === undefined) return;
    let current = true;
    worker()
      .evaluationDetails()
      .then(
        (details) => current && setKnown({ of: asked, details }),
        (error: unknown) => current && setKnown({ of: asked, error: errorInfo(error) }),
      );
    return () => {
      current = false;
    };
  }, [asked]);
  const run = asked?.split(' ')[0];
  return run !== undefined && known?.of.startsWith(`${run} `) ? known : asked === undefined ? undefined : {};
}

export function Details() {
  const state = useDetails();
  const lookOf = useRunLooks();
  const methods = useApp(({ run }) => run?.methods);
  if (!state || !methods)
    return (
      <Text size="sm" c="var(--quiet)">
        After the first evaluation of this page’s run: what was mistaken for what, and the examples on which the methods
        disagree.
      </Text>
    );
  if (state.error)
    return (
      <Note color="red" title="The evaluation cannot be shown">
        {state.error.message}
      </Note>
    );
  const { details } = state;
  if (!details) return <Loader size="sm" aria-label="Loading the evaluation" />;
  const titleOf = (id: string) => methods.find((method) => method.id === id)?.title ?? id;
  const scatters = details.methods.flatMap(({ id, figure }) =>
    figure?.type === 'scatter' ? [{ id, title: titleOf(id), scatter: figure.points, ...lookOf(id) }] : [],
  );
  return (
    <>
      <section aria-label="Answers against the truth">
        <Group gap="xl" align="flex-start">
          {details.methods.map(
            ({ id, figure }) =>
              figure?.type === 'confusion' && (
                <Confusion
                  key={id}
                  colour={lookOf(id).colour}
                  title={titleOf(id)}
                  labels={figure.labels}
                  counts={figure.counts}
                />
              ),
          )}
        </Group>
        {scatters.length > 0 && <TruthScatter methods={scatters} />}
      </section>
      <Disagreements details={details} titleOf={titleOf} />
    </>
  );
}
