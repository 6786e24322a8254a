/** The first rows of something, always as text; long cells are cut to two lines. */
import { ScrollArea, Table, Text } from '@mantine/core';

export function RowsTable({
  columns,
  rows,
  caption,
}: {
  columns: readonly string[];
  rows: readonly (readonly string[])[];
  caption: string;
}) {
  return (
    <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': caption }}>
      <Table fz="xs" captionSide="bottom" verticalSpacing={4} horizontalSpacing={8} withTableBorder highlightOnHover>
        <Table.Caption mt={4}>{caption}</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            {columns.map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, i) => (
            <Table.Tr key={i}>
              {row.map((cell, j) => (
                <Table.Td key={j} maw={280} style={{ verticalAlign: 'top' }}>
                  <Text
                    size="xs"
                    lineClamp={2}
                    style={{ overflowWrap: 'anywhere' }}
                    title={cell.length > 80 ? cell : undefined}
                  >
                    {cell}
                  </Text>
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}
