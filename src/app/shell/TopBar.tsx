/** Name, GPU, theme, help. */
import { ActionIcon, Group, Modal, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { AutoIcon, HelpIcon, MoonIcon, SunIcon } from '../ui/icons';
import { GpuBadge } from './GpuBadge';
import { Help } from './Help';

const schemes = {
  light: { Icon: SunIcon, title: 'light', next: 'dark' },
  dark: { Icon: MoonIcon, title: 'dark', next: 'auto' },
  auto: { Icon: AutoIcon, title: 'as the system', next: 'light' },
} as const;

export function TopBar() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [helpOpened, help] = useDisclosure(false);
  const { Icon, title, next } = schemes[colorScheme];
  return (
    <header className="bar">
      <h1>HUT Playground</h1>
      <Group gap={6} ml="auto" wrap="nowrap" miw={0}>
        <GpuBadge />
        <Tooltip label={`Colours: ${title}`}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            onClick={() => setColorScheme(next)}
            aria-label={`Colours: ${title}. Switch to ${schemes[next].title}`}
          >
            <Icon />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Help">
          <ActionIcon variant="subtle" color="gray" size="lg" onClick={help.open} aria-label="Help">
            <HelpIcon />
          </ActionIcon>
        </Tooltip>
      </Group>
      <Modal opened={helpOpened} onClose={help.close} title="What this page does" size="lg">
        <Help />
      </Modal>
    </header>
  );
}
