/** Before the first run: what will be seen here. */
import { Button, Stack, Text } from '@mantine/core';
import { Swatch } from '../chart/Swatch';
import { looksOf } from '../method-colours';
import { methodTitles, useApp } from '../store';
import { SoftwareNotice } from '../shell/NoGpu';
import { train } from '../train';

export function Welcome() {
  const recipe = useApp((state) => state.recipe);
  const gpu = useApp((state) => state.gpu);
  const titles = recipe ? methodTitles(recipe) : [];
  const looks = looksOf(titles.map(({ id }) => id));
  const ready = gpu.status === 'ready';
  return (
    <Stack gap="sm" maw={620} py="lg">
      <Text component="h2" size="lg" fw={600} m={0}>
        Fine-tune on your own GPU, and compare
      </Text>
      <Text size="sm">
        Every method of the recipe trains side by side, on the same pre-trained weights, batches and seed. Loss, score,
        FLOPs, memory and speed are drawn here as they happen; then you can ask each tuned model, see where they
        disagree, and take the weights home.
      </Text>
      {recipe && (
        <Text size="sm" component="div">
          Ready to train{' '}
          {titles.map(({ id, title }, i) => (
            <span key={id}>
              {i > 0 && ' and '}
              <span style={{ whiteSpace: 'nowrap' }}>
                <Swatch colour={looks[i]!.colour} dash={looks[i]!.dash} /> {title}
              </span>
            </span>
          ))}
          . Nothing leaves this machine.
        </Text>
      )}
      <Button w="fit-content" onClick={() => void train()} disabled={!recipe || !ready}>
        Train this recipe
      </Button>
      {/* Last, since it appears when the GPU has answered: nothing below it moves. */}
      {ready && gpu.report.identity.software && <SoftwareNotice />}
    </Stack>
  );
}
