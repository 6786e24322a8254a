/** Recipes to start from: the bundled sample, or RoBERTa-large as the paper trained it, by task and by what is trained. */
import { Button, Popover, Radio, SimpleGrid, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useId, useState } from 'react';
import { baseUrl } from '../base-url';
import { loadRecipe } from '../recipe-edit';
import { bundledPresets, e2ePreset, glueFile, gluePresets } from '../recipe-presets';
import { reportError } from '../store';

async function loadPreset(file: string): Promise<void> {
  try {
    const response = await fetch(`${baseUrl()}recipes/${file}`);
    loadRecipe(await response.json());
  } catch (error) {
    reportError(error);
  }
}

export function Presets() {
  const [opened, { toggle, close }] = useDisclosure(false);
  const taskLabel = useId();
  const [suffix, setSuffix] = useState(gluePresets.contents[0]!.suffix);
  const content = gluePresets.contents.find((one) => one.suffix === suffix)!;
  const choose = (file: string) => {
    close();
    void loadPreset(file);
  };
  return (
    <Popover opened={opened} onDismiss={close} position="bottom-end" shadow="md" width={330} trapFocus returnFocus>
      <Popover.Target>
        <Button size="compact-xs" variant="subtle" onClick={toggle}>
          Presets
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Presets">
        <Stack gap="sm">
          {bundledPresets.map(({ file, title }) => (
            <Button key={file} size="xs" variant="default" onClick={() => choose(file)}>
              {title}
            </Button>
          ))}
          <div>
            <Text component="h3" size="sm" fw={600} m={0}>
              RoBERTa large on GLUE
            </Text>
            <Text size="xs" className="quiet">
              Settings of the paper’s Table 6 (arXiv 2409.13501); needs a GPU and a download of 1.4 GB.
            </Text>
          </div>
          <Radio.Group size="xs" label="Methods" value={suffix} onChange={setSuffix}>
            <Stack gap={6} mt={4}>
              {gluePresets.contents.map(({ suffix: value, title }) => (
                <Radio key={value} size="xs" value={value} label={title} />
              ))}
            </Stack>
          </Radio.Group>
          <div role="group" aria-labelledby={taskLabel}>
            <Text id={taskLabel} size="xs" fw={500}>
              Task
            </Text>
            <SimpleGrid cols={3} spacing={6} verticalSpacing={6} mt={4}>
              {gluePresets.tasks.map(({ id, title }) => (
                <Button key={id} size="xs" variant="default" onClick={() => choose(glueFile(id, content))}>
                  {title}
                </Button>
              ))}
            </SimpleGrid>
          </div>
          <div>
            <Text component="h3" size="sm" fw={600} m={0}>
              GPT-2 medium on the E2E NLG Challenge
            </Text>
            <Text size="xs" className="quiet" mb={6}>
              Settings of the paper’s Table 7; needs a GPU and a download of 1.5 GB.
            </Text>
            <Button size="xs" variant="default" onClick={() => choose(e2ePreset.file)}>
              {e2ePreset.title}
            </Button>
          </div>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
