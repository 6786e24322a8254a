/** What each model answers: probabilities as bars in the model's colour, or the score of a regression. */
import { useRunLooks } from '../../chart/runs';
import type { Prediction } from '../../protocol';
import './try-it.css';

export interface AnswersProps {
  readonly predictions: readonly Prediction[];
  /** By model. */
  readonly titles: Readonly<Record<string, string>>;
  readonly labels: readonly string[];
  readonly regression: boolean;
  /** The text has changed since. */
  readonly stale: boolean;
}

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;

export function Answers({ predictions, titles, labels, regression, stale }: AnswersProps) {
  const lookOf = useRunLooks();
  return (
    <div className="answers" data-stale={stale}>
      {predictions.map(({ id, probabilities, score, milliseconds }) => {
        const best = probabilities.indexOf(Math.max(...probabilities));
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
              <span>{regression ? score?.toFixed(3) : labels[best]}</span>
              <span className="quiet number">
                {milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms
              </span>
            </header>
            {!regression && (
              <ul>
                {probabilities.map((share, label) => (
                  <li key={labels[label]}>
                    <span className="answer-label">{labels[label]}</span>
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
