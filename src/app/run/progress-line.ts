/** Where a run stands, in words, and how long it still takes. */
import { bytes, clock, grouped } from '../format';
import { isEnded, stepOf, type RunRecord } from '../run-record';

export interface ProgressLine {
  readonly text: string;
  /** 0 … 1 of what is being done. */
  readonly share: number;
  readonly secondsLeft?: number;
}

const recentSteps = 20;

/** Tokens a second over the last steps of all methods together. */
function tokensPerSecond({ methods }: RunRecord): number | undefined {
  let [tokens, milliseconds] = [0, 0];
  for (const { steps } of methods)
    for (const step of steps.slice(1).slice(-recentSteps)) {
      tokens += step.tokens;
      milliseconds += step.milliseconds;
    }
  return milliseconds > 0 ? (1000 * tokens) / milliseconds : undefined;
}

/** Milliseconds of one step of all methods, by the last steps; the first is left out, it waits for compilers. */
function stepTime({ methods }: RunRecord): number | undefined {
  const times = methods.map(({ steps }) =>
    steps
      .slice(1)
      .slice(-recentSteps)
      .map(({ milliseconds }) => milliseconds),
  );
  if (times.some((list) => list.length === 0)) return undefined;
  return times.reduce((sum, list) => sum + list.reduce((a, b) => a + b, 0) / list.length, 0);
}

export function progressLine(run: RunRecord): ProgressLine {
  const { state, totalSteps, progress, startedAt, finishedAt } = run;
  const step = stepOf(run);
  if (isEnded(state)) {
    const took = finishedAt ? ` in ${clock((finishedAt - startedAt) / 1000)}` : '';
    return {
      text: step ? `${grouped(step)} of ${grouped(totalSteps)} steps${took}` : '',
      share: totalSteps ? step / totalSteps : 0,
    };
  }
  if (state === 'preparing') return progress ? phaseLine(progress) : { text: 'opening', share: 0 };
  if (state === 'evaluating' && progress) {
    const { done, total, label, since, at } = progress;
    const left = done > 0 && at > since ? (((total - done) / done) * (at - since)) / 1000 : undefined;
    return {
      text: `${label}, ${grouped(done)} of ${grouped(total)} examples · after step ${grouped(step)}`,
      share: total ? done / total : 0,
      ...(left !== undefined && { secondsLeft: left }),
    };
  }
  const rate = tokensPerSecond(run);
  const milliseconds = stepTime(run);
  const text = [
    `step ${grouped(step)} of ${grouped(totalSteps)}`,
    rate !== undefined && `${grouped(Math.round(rate))} tokens/s`,
  ]
    .filter(Boolean)
    .join(' · ');
  return {
    text,
    share: totalSteps ? step / totalSteps : 0,
    ...(milliseconds !== undefined &&
      state === 'training' && { secondsLeft: ((totalSteps - step) * milliseconds) / 1000 }),
  };
}

const phaseNames = {
  download: 'downloading',
  tokenise: 'tokenising',
  tune: 'tuning',
  compile: 'compiling',
  train: 'training',
  evaluate: 'evaluating',
  export: 'exporting',
} as const;

function phaseLine({ phase, label, done, total, since, at }: NonNullable<RunRecord['progress']>): ProgressLine {
  const amount =
    phase === 'download'
      ? `${bytes(done)}${total ? ` of ${bytes(total)}` : ''}`
      : total
        ? `${grouped(done)} of ${grouped(total)}`
        : '';
  const left = total && done > 0 && at - since > 500 ? (((total - done) / done) * (at - since)) / 1000 : undefined;
  return {
    text: [`${phaseNames[phase]}${label ? ` ${label}` : ''}`, amount].filter(Boolean).join(' · '),
    share: total ? done / total : 0,
    ...(left !== undefined && { secondsLeft: left }),
  };
}
