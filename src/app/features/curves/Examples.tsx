/** A dozen validation examples as the methods answer them, evaluation by evaluation: probability bars that move, and flips that are marked. */
import { Button, NativeSelect, Text } from '@mantine/core';
import { useState } from 'react';
import type { ExampleAnswer } from '../../../train/events';
import { textsOf } from '../../ask/question';
import type { RunSeries } from '../../chart/runs';
import { Swatch } from '../../chart/Swatch';
import { canAsk, useApp } from '../../store';
import { shownRows, type Filter } from './example-rows';

const filters: readonly { readonly value: Filter; readonly label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'flips', label: 'Flips' },
  { value: 'disagreements', label: 'Disagreements' },
];

/** The share of the answer that is given, or nothing where answers have none. */
const shareOf = ({ answer, shares }: ExampleAnswer) => shares?.find(({ label }) => label === answer)?.share;

export function Examples({ all }: { all: readonly RunSeries[] }) {
  const run = useApp((state) => state.run);
  const able = useApp(canAsk);
  const openWith = useApp((state) => state.openWith);
  const [filter, setFilter] = useState<Filter>('all');
  const own = all.filter((one) => one.run.id === run?.id);
  if (!run?.shown?.length || !own.some(({ series }) => series.evaluations.length)) return null;
  const rows = shownRows(
    run.shown,
    own.map(({ series }) => series.evaluations),
    filter,
  );
  const step = Math.max(...own.map(({ series }) => series.evaluations.at(-1)?.step ?? 0));
  return (
    <section aria-labelledby="examples-title" className="examples">
      <div className="examples-head">
        <div>
          <Text id="examples-title" component="h3" fw={600} size="sm" m={0}>
            Examples
          </Text>
          <Text size="xs" c="var(--quiet)">
            Validation examples as they are answered {step === 0 ? 'before training' : `after step ${step}`}. ⇄ marks an
            answer that has changed since the evaluation before.
          </Text>
        </div>
        <NativeSelect
          size="xs"
          aria-label="Examples shown"
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value as Filter)}
          data={[...filters]}
        />
      </div>
      {rows.length === 0 && (
        <Text size="sm" c="var(--quiet)">
          {filter === 'flips' ? 'No answer changed at this evaluation.' : 'All methods give the same answers.'}
        </Text>
      )}
      <ul className="examples-list">
        {rows.map(({ index, view, answers }) => (
          <li key={index}>
            <div className="example-text">
              {view.pair === undefined ? view.text : view.pair}
              <span className="quiet"> {view.truth}</span>
              {able && (
                <Button size="compact-xs" variant="subtle" onClick={() => openWith('highlights', textsOf(view))}>
                  Highlights
                </Button>
              )}
            </div>
            {answers.map((found, i) => {
              const { key, title, colour, dash } = own[i]!;
              const share = found && shareOf(found.answer);
              return (
                <div key={key} className="example-answer">
                  <span className="example-method">
                    <Swatch colour={colour} dash={dash} /> {title}
                  </span>
                  <span className="example-track" aria-hidden="true">
                    {share !== undefined && <i style={{ width: `${100 * share}%`, background: colour }} />}
                  </span>
                  <span className="example-said" data-right={found?.answer.right}>
                    {found ? (
                      <>
                        {found.flipped && <b title="Changed since the evaluation before">⇄ </b>}
                        {found.answer.answer || '(nothing)'}
                        {share !== undefined && <span className="number quiet"> {Math.round(100 * share)}%</span>}
                        {found.answer.right !== undefined && (found.answer.right ? ' ✓ right' : ' ✗ wrong')}
                      </>
                    ) : (
                      '–'
                    )}
                  </span>
                </div>
              );
            })}
          </li>
        ))}
      </ul>
    </section>
  );
}
