/** A message in its place: the colour is a hint beside it, never the colour of the words, which stay readable in both schemes. */
import { Alert, type AlertProps } from '@mantine/core';

export function Note({
  color,
  title,
  children,
}: Pick<AlertProps, 'title' | 'children'> & { color: 'red' | 'yellow' | 'green' | 'blue' }) {
  return (
    <Alert
      color={color}
      variant="light"
      title={title}
      style={{ overflowWrap: 'anywhere', borderLeft: `4px solid var(--mantine-color-${color}-6)` }}
      styles={{ label: { color: 'var(--mantine-color-text)' }, message: { color: 'var(--mantine-color-text)' } }}
    >
      {children}
    </Alert>
  );
}
