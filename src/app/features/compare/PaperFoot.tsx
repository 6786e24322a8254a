/** Beneath the chart of score against FLOPs: why the two kinds of FLOPs differ, and the paper's points on request, with their notes. */
import { Checkbox, Table, Text } from '@mantine/core';
import { big } from '../../format';
import { paperGflops, paperScore, type PaperScores } from './paper-points';

interface PaperFootProps {
  readonly scores: PaperScores;
  /** By the paper's formula; only these can be compared with the paper's. */
  readonly comparable: boolean;
  readonly shown: boolean;
  readonly onShow: (shown: boolean) => void;
}

export function PaperFoot({ scores, comparable, shown, onShow }: PaperFootProps) {
  return (
    <div className="cost-foot">
      <Text size="xs" className="quiet">
        By the paper’s count a method costs what it does to the weights, whatever the number of tokens (on RoBERTa
        large, HUT {paperGflops('HUT')} and LoRA {paperGflops('LoRA')} GFLOPs); executed FLOPs grow with every token and
        include the backward pass, where LoRA pays for its two thin products and HUT for one more data gradient at each
        weight of its lowest adapted layer, so the two can rank methods differently.
      </Text>
      <Checkbox
        size="xs"
        label="Show the paper’s points (RoBERTa large)"
        description={comparable ? undefined : 'Beside FLOPs by the paper only: it states no executed ones.'}
        checked={shown && comparable}
        disabled={!comparable}
        onChange={(event) => onShow(event.currentTarget.checked)}
      />
      {shown && comparable && <PaperNumbers scores={scores} />}
    </div>
  );
}

function PaperNumbers({ scores: { title, reason, points, notes } }: { scores: PaperScores }) {
  return (
    <>
      <Text size="xs" className="quiet">
        Hollow, with a letter: not runs of this page, but the paper’s (arXiv 2409.13501, Tables 1 and 2) with RoBERTa
        large, {title}
        {reason && `, since ${reason}`}.
      </Text>
      <details className="cost-numbers">
        <summary>The paper’s numbers, and notes on them</summary>
        <Table verticalSpacing={4} horizontalSpacing="xs" fz="xs" aria-label="The paper’s numbers">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Method</Table.Th>
              <Table.Th scope="col" ta="right">
                Score
              </Table.Th>
              <Table.Th scope="col" ta="right">
                FLOPs
              </Table.Th>
              <Table.Th scope="col">Measured by</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {points.map(({ letter, title: name, score: value, spread, flops, fromPriorWork }) => (
              <Table.Tr key={letter}>
                <Table.Th scope="row" fw={500}>
                  {letter} {name}
                </Table.Th>
                <Table.Td ta="right" className="number">
                  {paperScore(value)}
                  {spread !== undefined && ` ± ${paperScore(spread)}`}
                </Table.Td>
                <Table.Td ta="right" className="number" style={{ whiteSpace: 'nowrap' }}>
                  {big(flops)}
                </Table.Td>
                <Table.Td>{fromPriorWork ? 'earlier papers' : 'the paper'}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        <ul>
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </details>
    </>
  );
}
