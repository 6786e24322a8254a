/** The picture of a weight: of the recipe as it stands, or of the page's run, drawn anew after every evaluation. */
import { useEffect, useState } from 'react';
import type { WeightPicture } from '../../../explain/weight-picture';
import type { ErrorInfo } from '../../../worker/protocol';
import { errorInfo } from '../../../worker/rpc-errors';
import { useApp } from '../../store';
import { worker } from '../../worker-client';

export interface Place {
  readonly role?: WeightPicture['role'];
  readonly layer?: number;
}

/** Large ones are not downloaded unasked. */
const isFar = (checkpoint: string) => !/^(bundled:|[./~])/.test(checkpoint);

interface Answer {
  readonly picture?: WeightPicture;
  readonly error?: ErrorInfo;
}

export function usePicture(place: Place) {
  const recipe = useApp((state) => state.recipe);
  const json = useApp((state) => state.json);
  const checkpoint = recipe?.checkpoint ?? '';
  const key = recipe && JSON.stringify([json.checkpoint, json.revision, json.task, json.methods, json.training?.seed]);
  const [allowed, setAllowed] = useState<string>();
  const [answer, setAnswer] = useState<Answer>({});
  const waits = isFar(checkpoint) && allowed !== checkpoint;
  useEffect(() => {
    if (!key || waits) return;
    let current = true;
    const ask = () =>
      worker()
        .drawWeight(useApp.getState().json, place)
        .then((picture): Answer => ({ picture }))
        .catch((error: unknown): Answer => ({ error: errorInfo(error) }))
        .then((next) => current && setAnswer(next));
    const timer = setTimeout(() => void ask(), 200);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key, place, waits]);
  return { ...answer, waits, ask: () => setAllowed(checkpoint) };
}
