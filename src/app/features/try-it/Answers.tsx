/** What each model answers: a line, and the shares it gives to each answer as bars in the model's colour. */
import type { Prediction } from '../../../worker/protocol';
import { useRunLooks } from '../../chart/runs';
import './try-it.css';

export interface AnswersProps {
  /** Those still being written have no time yet. */
  readonly predictions: readonly (Omit<Prediction, 'milliseconds'> & { readonly milliseconds?: number })[];
  /** By model. */
  readonly titles: Readonly<Record<string, string>>;
  /** The text has changed since. */
  readonly stale: boolean;
}

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;

export function Answers({ predictions, titles, stale }: AnswersProps) {
  const lookOf = useRunLooks();
  return (
    <div className="answers" data-stale={stale}>
      {predictions.map(({ id, answer, shares, milliseconds }) => {
        const name = titles[id] ?? id;
        const { colour } = lookOf(id);
        return (
          <div
            key={id}
            role="group"
            className="answer"
            aria-label={`Answer: ${name}`}
            style={{ borderLeftColor: colour }}
          >
            <header>
              <strong>{name}</strong>
              <span>{answer}</span>
              <span className="quiet number">
                {milliseconds === undefined
                  ? '…'
                  : `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`}
              </span>
            </header>
            {shares && (
              <ul>
                {shares.map(({ label, share }) => (
                  <li key={label}>
                    <span className="answer-label">{label}</span>
                    <span className="answer-track" aria-hidden="true">
                      <i style={{ width: percent(share), background: colour }} />
                    </span>
                    <span className="number">{percent(share)}</span>
                  </li>
                ))}
              </ul>
            )}
          </div>
        );
      })}
    </div>
  );
}
