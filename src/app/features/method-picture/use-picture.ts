/** The picture of a weight: of the recipe as it stands, or of the page's run, drawn anew after every evaluation. */
import { useEffect, useState } from 'react';
import type { WeightPicture, WeightPlace } from '../../../explain/weight-picture';
import type { ErrorInfo } from '../../../worker/protocol';
import { errorInfo } from '../../../worker/rpc-errors';
import { useApp, type AppState } from '../../store';
import { worker } from '../../worker-client';

/** Large ones are not downloaded unasked. */
const isFar = (checkpoint: string) => !/^(bundled:|[./~])/.test(checkpoint);

/** What the values in a picture depend on; undefined while there is nothing to draw. */
function stateKey({ run, recipe, json }: AppState): string | undefined {
  if (run) return [run.id, run.finishedAt, ...run.methods.map(({ evaluations }) => evaluations.length)].join(' ');
  return recipe && JSON.stringify([json.checkpoint, json.revision, json.task, json.methods, json.training?.seed]);
}

interface Answer {
  readonly picture?: WeightPicture;
  readonly error?: ErrorInfo;
}

/** @returns the newest picture there is, or why there is none; `waits` where the visitor must `ask` for a download first */
export function usePicture(place: WeightPlace): Answer & { readonly waits: boolean; ask(): void } {
  const key = useApp(stateKey);
  const checkpoint = useApp(({ recipe }) => recipe?.checkpoint ?? '');
  const ofRun = useApp(({ run }) => run !== undefined);
  const [allowed, setAllowed] = useState<string>();
  const [answer, setAnswer] = useState<Answer>({});
  const waits = !ofRun && isFar(checkpoint) && allowed !== checkpoint;
  useEffect(() => {
    if (key === undefined || waits) return;
    let current = true;
    const draw = async () => {
      const drawn = ofRun ? worker().drawTrainedWeight(place) : worker().drawWeight(useApp.getState().json, place);
      const next = await drawn.then(
        (picture): Answer => ({ picture }),
        (error: unknown): Answer => ({ error: errorInfo(error) }),
      );
      if (current) setAnswer(next);
    };
    const timer = setTimeout(() => void draw(), 200);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key, place, waits, ofRun]);
  return { ...answer, waits, ask: () => setAllowed(checkpoint) };
}
