/** The adapter, honestly named, with the memory in use; opens *Check my GPU*. A software adapter is amber and never called a GPU. */
import { Box, Button, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { bytes } from '../format';
import { useApp } from '../store';
import { ChipIcon } from '../ui/icons';
import { Feature, hasFeature } from '../ui/Feature';

export function GpuBadge() {
  const gpu = useApp((state) => state.gpu);
  const used = useApp(({ run }) => run?.memory.at(-1)?.allocated);
  const [opened, { open, close }] = useDisclosure(false);
  const software = gpu.status === 'ready' && gpu.report.identity.software;
  const name =
    gpu.status === 'ready' ? gpu.report.label : gpu.status === 'opening' ? 'Looking for a GPU…' : 'No WebGPU';
  const warning = software || gpu.status === 'failed';
  return (
    <>
      <Button
        variant={warning ? 'light' : 'default'}
        color="yellow"
        size="xs"
        leftSection={<ChipIcon size={16} />}
        className={warning ? 'amber' : undefined}
        c={warning ? 'var(--amber)' : undefined}
        maw={{ base: 190, sm: 420 }}
        px={{ base: 8, sm: 14 }}
        onClick={open}
        disabled={!hasFeature('gpu-check')}
        data-disabled={undefined}
        title={name}
        aria-label={`${name}${used ? `, ${bytes(used)} in use` : ''}. Check my GPU`}
      >
        <Box component="span" className="clip" visibleFrom="sm" lh={1.5}>
          {name}
        </Box>
        <Box component="span" className="clip" hiddenFrom="sm" lh={1.5}>
          {software ? 'software' : gpu.status === 'ready' ? gpu.report.identity.vendor || 'GPU' : name}
        </Box>
        {used ? (
          <Box component="span" className="number" visibleFrom="sm" ml={8}>
            {bytes(used)}
          </Box>
        ) : null}
      </Button>
      <Modal opened={opened} onClose={close} title="Check my GPU" size="xl">
        <Feature name="gpu-check" />
      </Modal>
    </>
  );
}
