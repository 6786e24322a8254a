/** Which columns of the visitor's own table hold the text and the label. */
import { Alert, Checkbox, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { trainOnTable } from '../dropped-files';
import { grouped } from '../format';
import type { ErrorInfo, TablePreview } from '../../worker/protocol';
import { columnsOf, edit } from '../recipe-edit';
import { errorInfo } from '../../worker/rpc-errors';
import { useApp } from '../store';
import { worker } from '../worker-client';
import type { RecipeJson } from '../../train/recipe';
import { useSetUp } from './setup-store';
import { RowsTable } from './RowsTable';

type Data = NonNullable<RecipeJson['data']>;

export function OwnTable() {
  const data = useApp((state) => state.json.data);
  const tables = useSetUp((state) => state.tables);
  const file = data?.train;
  const [{ preview, error }, setFound] = useState<{ preview?: TablePreview; error?: ErrorInfo }>({});
  useEffect(() => {
    if (file === undefined) return;
    let current = true;
    worker()
      .previewTable(file)
      .then(
        (found) => current && setFound({ preview: found }),
        (problem: unknown) => current && setFound({ error: errorInfo(problem) }),
      );
    return () => {
      current = false;
    };
  }, [file, tables]);
  if (!data)
    return (
      <Text size="xs">
        Choose a table with a column of texts and a column of labels. It is read here and goes nowhere.
      </Text>
    );
  if (error)
    return (
      <Alert color="red" variant="light" p="xs" fz="xs">
        {error.message}
      </Alert>
    );
  if (!preview) return null;
  const change = (part: Partial<Data>) => {
    const next = { ...data, ...part };
    for (const key of Object.keys(next) as (keyof Data)[]) if (next[key] === undefined) delete next[key];
    edit({ data: next });
  };
  const columns = columnsOf(data);
  const column = (key: 'text' | 'label', value: string | null) =>
    value !== null && change({ columns: { ...columns, [key]: value }, ...(key === 'label' && { labels: undefined }) });
  const pair = (value: string | null) => {
    const { pair: _before, ...rest } = columns;
    change({ columns: { ...rest, ...(value !== null && { pair: value }) } });
  };
  const classes = preview.distinct[columns.label];
  return (
    <Stack gap="xs">
      <SimpleGrid cols={2} spacing="xs" verticalSpacing="xs">
        <Select
          size="xs"
          label="Training table"
          data={[...tables]}
          value={data.train}
          onChange={(value) => value && void trainOnTable(value)}
          allowDeselect={false}
        />
        <Select
          size="xs"
          label="Validation table"
          placeholder="A tenth is set aside"
          data={tables.filter((name) => name !== data.train)}
          value={data.validation ?? null}
          onChange={(value) => change({ validation: value ?? undefined })}
          clearable
        />
        <Select
          size="xs"
          label="Text column"
          data={[...preview.columns]}
          value={columns.text}
          onChange={(value) => column('text', value)}
          allowDeselect={false}
        />
        <Select
          size="xs"
          label="Second text column"
          placeholder="None"
          data={[...preview.columns]}
          value={columns.pair ?? null}
          onChange={pair}
          clearable
        />
        <Select
          size="xs"
          label="Label column"
          data={[...preview.columns]}
          value={columns.label}
          onChange={(value) => column('label', value)}
          allowDeselect={false}
        />
        <Checkbox
          size="xs"
          label="Labels are scores"
          checked={data['regression'] === true}
          onChange={({ currentTarget }) =>
            change({ regression: currentTarget.checked || undefined, labels: undefined })
          }
          mt={26}
        />
      </SimpleGrid>
      {!data.regression && classes && (
        <Text size="xs" className="quiet" style={{ overflowWrap: 'anywhere' }}>
          {classes.length} {classes.length === 1 ? 'class' : 'classes'}: {classes.slice(0, 12).join(', ')}
          {classes.length > 12 && ', …'}
        </Text>
      )}
      <RowsTable
        columns={preview.columns}
        rows={preview.rows.slice(0, 5)}
        caption={`${grouped(preview.rowCount)} rows in ${preview.file}`}
      />
    </Stack>
  );
}
