import { createTheme, type CSSVariablesResolver } from '@mantine/core';

/** Quiet and small: an instrument, not a brochure. */
export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  defaultRadius: 'sm',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  respectReducedMotion: true,
  cursorType: 'pointer',
  headings: { fontWeight: '600' },
  components: {
    // A name needs a role to be read.
    Loader: { defaultProps: { role: 'status' } },
    Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    // The page has one banner, its bar.
    ModalHeader: { defaultProps: { role: 'presentation' } },
  },
});

/** Mantine's own dimmed text and errors are too faint to read on a panel, and a button's words under the pointer (under 4.5 : 1). */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': 'var(--quiet)',
    '--mantine-color-error': '#c92a2a',
    '--mantine-color-blue-light-hover': 'var(--mantine-color-blue-1)',
  },
  dark: { '--mantine-color-dimmed': 'var(--quiet)', '--mantine-color-error': '#ff8787' },
});
