/** A text whose words are shaded by their values: one stop of the tab key, arrow keys walk from word to word. */
import { useRef, useState, type KeyboardEvent } from 'react';
import type { HighlightedWord } from '../../../worker/protocol';
import { shade, valueText, type ScaleName } from './scale';

export interface WordsProps {
  readonly label: string;
  readonly words: readonly HighlightedWord[];
  readonly values: readonly number[];
  /** The value of the strongest shade. */
  readonly most: number;
  readonly scale: ScaleName;
}

const steps: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export function Words({ label, words, values, most, scale }: WordsProps) {
  const [at, setAt] = useState(0);
  const [looked, setLooked] = useState<number>();
  const box = useRef<HTMLDivElement>(null);
  const stop = Math.min(at, words.length - 1);
  const move = (event: KeyboardEvent) => {
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(words.length - 1, Math.max(0, stop + step));
    setAt(next);
    box.current?.querySelectorAll<HTMLElement>('[data-word]')[next]?.focus();
  };
  const word = looked === undefined ? undefined : words[looked];
  return (
    <div className="highlight">
      <div ref={box} className="highlight-words" role="list" aria-label={label} onKeyDown={move}>
        {words.map(({ text, special, part, marked }, i) => (
          <span key={i} role="listitem">
            {i > 0 && part !== words[i - 1]!.part && <br />}
            <span
              data-word
              data-special={special}
              data-marked={marked}
              role="img"
              tabIndex={i === stop ? 0 : -1}
              aria-label={`${text.trim()}: ${valueText(values[i]!)}${marked ? ', part of the answer' : ''}`}
              style={{ background: special ? undefined : shade(scale, most > 0 ? values[i]! / most : 0) }}
              onFocus={() => (setAt(i), setLooked(i))}
              onBlur={() => setLooked(undefined)}
              onPointerEnter={() => setLooked(i)}
              onPointerLeave={() => setLooked(undefined)}
            >
              {text.trim() || text}
            </span>{' '}
          </span>
        ))}
      </div>
      <div className="highlight-value quiet number" aria-hidden="true">
        {word ? `${word.text.trim()} ${valueText(values[looked!]!)}` : '\u00a0'}
      </div>
    </div>
  );
}
