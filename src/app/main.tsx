/** The page's entry: styles, theme, and the one component. */
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import '@mantine/core/styles.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import { App } from './App';
import { begin } from './begin';
import './styles.css';
import { cssVariables, theme } from './theme';

// Schemas compiled with `new Function` are refused by the page's Content-Security-Policy.
z.config({ jitless: true });
begin();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      colorSchemeManager={localStorageColorSchemeManager({ key: 'colour-scheme' })}
    >
      <App />
    </MantineProvider>
  </StrictMode>,
);
