/** The question that *Try it* and *Highlights* share: what was typed, or an example of the data that was chosen. */
import { Button } from '@mantine/core';
import { useMemo } from 'react';
import type { ExampleView } from '../../tasks/core/task';
import { useApp } from '../store';

const none: readonly string[] = [];

/** An example's texts in the order of the task's fields. */
export const textsOf = ({ text, pair }: Pick<ExampleView, 'text' | 'pair'>): string[] =>
  pair === undefined ? [text] : [text, pair];

export function useQuestion() {
  const task = useApp(({ run }) => run?.task);
  const typed = useApp((state) => state.typed);
  const setTyped = useApp((state) => state.setTyped);
  const fields = task?.fields ?? none;
  const example = task?.example ?? none;
  const texts = useMemo(() => fields.map((_, i) => typed[i] ?? example[i] ?? ''), [fields, typed, example]);
  return { fields, texts, setText: (i: number, text: string) => setTyped(texts.with(i, text)) };
}

/** The watched examples as buttons that ask about them. */
export function ExampleChips() {
  const shown = useApp(({ run }) => run?.shown);
  const setTyped = useApp((state) => state.setTyped);
  if (!shown?.length) return null;
  return (
    <ul className="example-chips" aria-label="Examples of the validation data">
      {shown.map((example, i) => (
        <li key={i}>
          <Button
            size="compact-xs"
            variant="default"
            title={textsOf(example).join('\n')}
            onClick={() => setTyped(textsOf(example))}
          >
            {example.pair ?? example.text}
          </Button>
        </li>
      ))}
    </ul>
  );
}
