/** Whether something fits on this GPU: a word, coloured, with the reason at hand. */
import { Text, Tooltip } from '@mantine/core';
import type { MemoryVerdict } from '../../worker/protocol';

/** `unfit`: the model does not do what the task asks. */
export type CheckpointVerdict = MemoryVerdict | 'unfit';

const words = {
  fits: ['fits', 'var(--green)'],
  unsure: ['may not fit', 'var(--amber)'],
  'too-large': ['too large', 'var(--mantine-color-error)'],
  unfit: ['other task', 'var(--quiet)'],
} as const;

export function Verdict({ verdict, reason }: { verdict?: CheckpointVerdict; reason?: string }) {
  const [word, colour] = verdict ? words[verdict] : ['', undefined];
  return (
    <Tooltip label={reason} disabled={!reason} multiline maw={300} events={{ hover: true, focus: true, touch: true }}>
      <Text
        span
        size="xs"
        w={72}
        ta="right"
        style={{ color: colour }}
        tabIndex={reason ? 0 : -1}
        aria-label={reason ? `${word}: ${reason}` : undefined}
        role={reason ? 'note' : undefined}
      >
        {word}
      </Text>
    </Tooltip>
  );
}
