/** The recipe as a whole: presets, a link to it, and its JSON to read, edit, copy, download and open. */
import { Button, FileButton, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useClipboard, useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { baseUrl } from '../base-url';
import { addFiles, filesOfInput } from '../dropped-files';
import { loadRecipeText, recipeText } from '../recipe-edit';
import { recipeHash } from '../recipe-url';
import { errorInfo } from '../../worker/rpc-errors';
import { useApp } from '../store';
import { Presets } from './Presets';

export function RecipeTools() {
  const clipboard = useClipboard();
  const [editing, editor] = useDisclosure(false);
  const link = () => `${baseUrl()}${recipeHash(useApp.getState().json)}`;
  return (
    <Group gap={4} wrap="nowrap">
      <Presets />
      <Button size="compact-xs" variant="subtle" onClick={() => clipboard.copy(link())} aria-live="polite">
        {clipboard.copied ? 'Copied' : 'Copy link'}
      </Button>
      <Button size="compact-xs" variant="subtle" onClick={editor.open} aria-label="Recipe as JSON">
        JSON
      </Button>
      <Modal opened={editing} onClose={editor.close} title="Recipe as JSON" size="lg">
        <Editor close={editor.close} />
      </Modal>
    </Group>
  );
}

function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function Editor({ close }: { close: () => void }) {
  const [text, setText] = useState(recipeText);
  const [problem, setProblem] = useState<string>();
  const clipboard = useClipboard();
  const apply = () => {
    try {
      loadRecipeText(text);
      close();
    } catch (error) {
      setProblem(errorInfo(error).message);
    }
  };
  return (
    <Stack gap="sm">
      <Textarea
        value={text}
        onChange={({ currentTarget }) => {
          setText(currentTarget.value);
          setProblem(undefined);
        }}
        autosize
        minRows={12}
        maxRows={24}
        spellCheck={false}
        error={problem}
        aria-label="Recipe"
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
        data-autofocus
      />
      <Group justify="space-between">
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => clipboard.copy(text)}>
            {clipboard.copied ? 'Copied' : 'Copy'}
          </Button>
          <Button size="xs" variant="default" onClick={() => download(text, 'recipe.json')}>
            Download
          </Button>
          <FileButton
            accept=".json"
            onChange={(file) => {
              void addFiles(filesOfInput(file && [file]));
              close();
            }}
            inputProps={{ 'aria-label': 'Open a recipe' }}
          >
            {(props) => (
              <Button {...props} size="xs" variant="default">
                Open…
              </Button>
            )}
          </FileButton>
        </Group>
        <Button size="xs" onClick={apply}>
          Use this recipe
        </Button>
      </Group>
      <Text size="xs" className="quiet">
        The same file trains from the command line: npm run recipe -- recipe.json --out out
      </Text>
    </Stack>
  );
}
