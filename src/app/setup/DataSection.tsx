/** Which task, and where its examples come from. */
import { Alert, Button, FileButton, Group, Select, Stack, Text } from '@mantine/core';
import { tasks, type TaskId } from '../../data/tasks';
import { addFiles, filesOfInput, trainOnTable } from '../dropped-files';
import { grouped } from '../format';
import { taskSizes } from '../presets';
import { edit } from '../recipe-edit';
import { useApp } from '../store';
import { DataPreview } from './DataPreview';
import { OwnTable } from './OwnTable';
import { dataKey, useSetUp } from './setup-store';

const known = Object.values(tasks);
const options = [
  { group: 'Bundled', items: [{ value: 'sample', label: tasks.sample.title }] },
  { group: 'GLUE', items: known.filter(({ hub }) => hub).map(({ id, title }) => ({ value: id, label: title })) },
  { group: 'Your own', items: [{ value: 'custom', label: 'A table of your own' }] },
];

export function DataSection() {
  const { task, data } = useApp((state) => state.json);
  const tables = useSetUp((state) => state.tables);
  const choose = (id: string | null) => {
    if (id === 'custom' && tables[0] !== undefined) return void trainOnTable(tables[0]);
    if (id) edit({ task: id as TaskId, data: undefined });
  };
  const previewed = useSetUp(
    (state) => state.data?.report !== undefined && state.data.key === dataKey(useApp.getState().json),
  );
  const size = data || previewed ? undefined : taskSizes[task];
  const glue = task !== 'custom' && task !== 'sample';
  return (
    <Stack gap="sm">
      <Select
        size="xs"
        label="Task"
        data={options}
        value={task}
        onChange={choose}
        allowDeselect={false}
        comboboxProps={{ shadow: 'md' }}
      />
      {task !== 'custom' && (
        <Text size="xs" className="quiet">
          {tasks[task as TaskId].question}
          {size && ` ${grouped(size[0])} examples to train on, ${grouped(size[1])} to validate.`}
          {glue && !data && ' From the hub’s nyu-mll/glue, downloaded when it is needed.'}
        </Text>
      )}
      {data && task !== 'custom' && (
        <Alert variant="light" color="gray" p="xs" fz="xs">
          Your files: {[data.train, data.validation, data.validationMismatched].filter(Boolean).join(', ')}.{' '}
          <Button size="compact-xs" variant="subtle" onClick={() => edit({ data: undefined })}>
            {task === 'sample' ? 'Use the bundled ones' : 'Use the hub’s instead'}
          </Button>
        </Alert>
      )}
      {task === 'custom' && <OwnTable />}
      <Group gap="xs">
        <FileButton
          onChange={(files) => void addFiles(filesOfInput(files))}
          multiple
          accept=".csv,.tsv,.jsonl,.parquet"
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
      <DataPreview automatic={!glue || data !== undefined} />
    </Stack>
  );
}
