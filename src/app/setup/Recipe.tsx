/** The recipe: four sections that fold to a line each, and at the foot what the run costs and Train. */
import { Accordion, Group, Text } from '@mantine/core';
import { useState, type ComponentType } from 'react';
import { useApp } from '../store';
import { CheckpointSection } from './CheckpointSection';
import { DataSection } from './DataSection';
import { Foot } from './Foot';
import { MethodsSection } from './MethodsSection';
import { RecipeTools } from './RecipeTools';
import { checkpointSummary, dataSummary, methodsSummary, trainingSummary } from './summaries';
import { TrainingSection } from './TrainingSection';
import type { RecipeJson } from '../../train/recipe';

const sections: readonly {
  id: string;
  title: string;
  summary: (json: RecipeJson) => string;
  Content: ComponentType;
}[] = [
  { id: 'checkpoint', title: 'Checkpoint', summary: checkpointSummary, Content: CheckpointSection },
  { id: 'data', title: 'Task & data', summary: dataSummary, Content: DataSection },
  { id: 'methods', title: 'Methods', summary: methodsSummary, Content: MethodsSection },
  { id: 'training', title: 'Training', summary: trainingSummary, Content: TrainingSection },
];

export function Recipe() {
  const json = useApp((state) => state.json);
  const [open, setOpen] = useState<string[]>(['methods']);
  return (
    <section className="recipe" aria-labelledby="recipe-title">
      <Group justify="space-between" px="md" py="xs" wrap="nowrap">
        <Text component="h2" id="recipe-title" fw={600} size="sm" m={0}>
          Recipe
        </Text>
        <RecipeTools />
      </Group>
      <div className="recipe-body">
        <Accordion
          multiple
          value={open}
          onChange={setOpen}
          order={3}
          styles={{ content: { paddingBottom: 16 }, label: { paddingBlock: 10 } }}
        >
          {sections.map(({ id, title, summary, Content }) => (
            <Accordion.Item key={id} value={id}>
              <Accordion.Control>
                <Text span display="block" size="sm" fw={500}>
                  {title}
                </Text>
                <Text span display="block" size="xs" className="quiet clip">
                  {summary(json)}
                </Text>
              </Accordion.Control>
              {/* What is folded is not rendered: previews and verdicts cost work. */}
              <Accordion.Panel>{open.includes(id) && <Content />}</Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      </div>
      <Foot />
    </section>
  );
}
