/** Before the first run: the method itself, drawn on a weight of the chosen checkpoint, and what will be seen here. */
import { Button, Stack, Text } from '@mantine/core';
import { useApp } from '../store';
import { SoftwareNotice } from '../shell/NoGpu';
import { train } from '../train';
import { Feature } from '../ui/Feature';

export function Welcome() {
  const recipe = useApp((state) => state.recipe);
  const gpu = useApp((state) => state.gpu);
  const ready = gpu.status === 'ready';
  return (
    <Stack gap="sm">
      <Text component="h2" size="lg" fw={600} m={0}>
        Fine-tune on your own GPU, and compare
      </Text>
      <Text size="sm" maw={620}>
        Every method of the recipe trains side by side, on the same pre-trained weights, batches and seed; loss, score,
        cost and speed are drawn here as they happen. Nothing leaves this machine. This is what each method does to a
        weight:
      </Text>
      <Button w="fit-content" onClick={() => void train()} disabled={!recipe || !ready}>
        Train this recipe
      </Button>
      {/* As high as it usually becomes, so that nothing moves when it is there. */}
      <div style={{ minHeight: 640 }}>{recipe && <Feature name="method-picture" />}</div>
      {ready && gpu.report.identity.software && <SoftwareNotice />}
    </Stack>
  );
}
