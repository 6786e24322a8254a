/** No WebGPU: which setting helps in the browser at hand. A software adapter: that it is one, and slow. */
import { Alert, Button, List, Text } from '@mantine/core';
import { openGpu } from '../begin';
import type { ErrorInfo } from '../../worker/protocol';
import { browserAdvice } from './browser-advice';

export function NoGpu({ error }: { error: ErrorInfo }) {
  const { browser, steps } = browserAdvice(navigator.userAgent, isSecureContext);
  return (
    <Alert
      color="yellow"
      variant="light"
      mb="md"
      title={<span className="amber">This browser gives the page no GPU</span>}
      role="alert"
    >
      <Text size="sm" mb="xs">
        {error.code === 'gpu/unavailable' ? `You are using ${browser}. What helps:` : error.message}
      </Text>
      {error.code === 'gpu/unavailable' && (
        <List size="sm" spacing={4}>
          {steps.map((step) => (
            <List.Item key={step}>{step}</List.Item>
          ))}
        </List>
      )}
      <Button size="xs" variant="default" mt="sm" onClick={() => void openGpu()}>
        Look again
      </Button>
    </Alert>
  );
}

export function SoftwareNotice() {
  return (
    <Text size="sm" className="notice" role="note">
      This is a software adapter: the CPU computes in place of a GPU. Everything works, slowly; the bundled model trains
      in minutes, larger ones do not in reasonable time.
    </Text>
  );
}
