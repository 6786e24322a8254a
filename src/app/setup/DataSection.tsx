/** Which task, and where its examples come from. */
import { Alert, Button, FileButton, Group, Select, Stack, Text } from '@mantine/core';
import { splitNames } from '../../data/splits';
import { taskById, tasks } from '../../tasks/core/registry';
import { addFiles, filesOfInput, trainOnTable } from '../dropped-files';
import { grouped } from '../format';
import { taskSizes } from '../presets';
import { edit } from '../recipe-edit';
import { useApp } from '../store';
import { DataPreview } from './DataPreview';
import { OwnTable } from './OwnTable';
import { dataKey, useSetUp } from './setup-store';

const options = () =>
  [...new Set(tasks.map(({ group }) => group))].map((group) => ({
    group,
    items: tasks.filter((task) => task.group === group).map(({ id, title }) => ({ value: id, label: title })),
  }));

export function DataSection() {
  const { task, data } = useApp((state) => state.json);
  const tables = useSetUp((state) => state.tables);
  const choose = (id: string | null) => {
    if (id === null) return;
    if (id === 'custom' && tables[0] !== undefined) return void trainOnTable(tables[0]);
    edit({ task: id, data: undefined });
  };
  const previewed = useSetUp(
    (state) => state.data?.report !== undefined && state.data.key === dataKey(useApp.getState().json),
  );
  const size = data || previewed ? undefined : taskSizes[task];
  const entry = taskById(task);
  return (
    <Stack gap="sm">
      <Select
        size="xs"
        label="Task"
        data={options()}
        value={task}
        onChange={choose}
        allowDeselect={false}
        comboboxProps={{ shadow: 'md' }}
      />
      {entry && !entry.ownFiles && (
        <Text size="xs" className="quiet">
          {entry.question}
          {size && ` ${grouped(size[0])} examples to train on, ${grouped(size[1])} to validate.`}
          {entry.dataset && !data && ` From the hub’s ${entry.dataset}, downloaded when it is needed.`}
        </Text>
      )}
      {data && entry && !entry.ownFiles && (
        <Alert variant="light" color="gray" p="xs" fz="xs">
          Your files: {splitNames.flatMap((split) => data[split] ?? []).join(', ')}.{' '}
          <Button size="compact-xs" variant="subtle" onClick={() => edit({ data: undefined })}>
            {entry.dataset ? 'Use the hub’s instead' : 'Use the bundled ones'}
          </Button>
        </Alert>
      )}
      {entry?.ownFiles && entry.fields?.data && <OwnTable />}
      {entry?.ownFiles && !entry.fields?.data && (
        <Text size="xs" className="quiet">
          {data ? `Your file: ${data.train}.` : 'Choose a text file (.txt, UTF-8).'} It is read here and goes nowhere.
        </Text>
      )}
      <Group gap="xs">
        <FileButton
          onChange={(files) => void addFiles(filesOfInput(files))}
          multiple
          accept=".csv,.tsv,.jsonl,.parquet,.txt"
          inputProps={{ 'aria-label': 'Choose tables' }}
        >
          {(props) => (
            <Button {...props} size="xs" variant="default">
              Choose tables…
            </Button>
          )}
        </FileButton>
        <Text size="xs" className="quiet">
          CSV, TSV, JSONL or Parquet, or a GLUE folder dropped on the page
        </Text>
      </Group>
      <DataPreview automatic={!entry?.dataset || data !== undefined} />
    </Stack>
  );
}
