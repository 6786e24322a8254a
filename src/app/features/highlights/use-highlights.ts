/** The highlights of a question, one model after the other: the last question is the one that is answered, and one in work is given up for it. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { ErrorInfo, Highlight } from '../../../worker/protocol';
import { errorInfo } from '../../../worker/rpc-errors';
import { worker } from '../../worker-client';

/** After the last change, so that not every letter is a question. */
const patience = 500;

export interface Shown {
  /** The question that was answered last, or is being answered. */
  readonly key: string;
  /** Of every model; those not asked yet have what they said to the question before. */
  readonly highlights?: readonly Highlight[];
  readonly error?: ErrorInfo;
}

export interface Looking {
  readonly model: string;
  readonly done: number;
  readonly total: number;
  /** When the first model was asked. */
  readonly since: number;
}

export interface Question {
  /** Stands for texts, step and the state of the run. */
  readonly key: string;
  readonly ready: boolean;
  readonly models: readonly string[];
  readonly texts: readonly string[];
  /** The evaluation whose weights answer; by default today's. */
  readonly step: number | undefined;
}

export function useHighlights({ key, ready, models, texts, step }: Question) {
  const [shown, setShown] = useState<Shown>();
  const [looking, setLooking] = useState<Looking>();
  const asking = useRef(false);
  const next = useRef<() => Promise<void>>(undefined);
  const ask = useCallback(async (question: () => Promise<void>) => {
    next.current = question;
    if (asking.current) return worker().stopPrediction();
    asking.current = true;
    while (next.current) {
      const now = next.current;
      next.current = undefined;
      await now();
    }
    setLooking(undefined);
    asking.current = false;
  }, []);
  useEffect(() => {
    if (!ready) return;
    const answer = async () => {
      const since = Date.now();
      try {
        for (const [done, model] of models.entries()) {
          if (next.current) return;
          setLooking({ model, done, total: models.length, since });
          const found = await worker().highlight({ models: [model], texts, ...(step !== undefined && { step }) });
          setShown((before) => {
            const old = new Map(before?.highlights?.map((highlight) => [highlight.id, highlight]));
            for (const highlight of found) old.set(highlight.id, highlight);
            return { key, highlights: models.flatMap((id) => old.get(id) ?? []) };
          });
        }
      } catch (problem) {
        const error = errorInfo(problem);
        if (error.code !== 'run/stopped') setShown({ key, error });
      }
    };
    const timer = setTimeout(() => void ask(answer), patience);
    return () => clearTimeout(timer);
    // `key` stands for texts, step and the state of the run.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [ready, key, models, ask]);
  return { shown, looking };
}
