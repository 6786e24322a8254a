/** Messages that belong to no control: what went wrong and what to do, until they are dismissed. */
import { CloseButton, Paper, Stack, Text } from '@mantine/core';
import { useApp } from '../store';

export function Notices() {
  const notices = useApp((state) => state.notices);
  const dismiss = useApp((state) => state.dismiss);
  return (
    <Stack gap="xs" className="notices" role="region" aria-label="Messages" aria-live="assertive">
      {notices.map(({ id, message }) => (
        <Paper
          key={id}
          withBorder
          shadow="md"
          p="sm"
          style={{ display: 'flex', gap: 8, borderLeft: '4px solid var(--mantine-color-red-7)' }}
        >
          <Text size="sm" style={{ overflowWrap: 'anywhere', flex: 1 }}>
            {message}
          </Text>
          <CloseButton size="sm" onClick={() => dismiss(id)} aria-label="Dismiss" />
        </Paper>
      ))}
    </Stack>
  );
}
