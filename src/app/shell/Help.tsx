import { Anchor, Code, List, Stack, Text } from '@mantine/core';

export function Help() {
  return (
    <Stack gap="sm" fz="sm">
      <Text size="sm">
        This page fine-tunes a RoBERTa or BERT classifier on your own GPU, with several methods at once: all of them see
        the same pre-trained weights, the same batches in the same order, and the same starting head. What differs
        between the curves is the method.
      </Text>
      <List size="sm" type="ordered" spacing={4}>
        <List.Item>
          Choose a checkpoint and a task on the left, or keep the bundled ones, which need no download.
        </List.Item>
        <List.Item>Add the methods to compare. Their costs are counted before anything runs.</List.Item>
        <List.Item>
          Press Train. You can pause, step, and stop at any time; the best evaluation’s weights are kept.
        </List.Item>
        <List.Item>
          Try the tuned models, compare them, and take the weights home for Hugging Face transformers.
        </List.Item>
      </List>
      <Text size="sm">
        Nothing leaves your machine: models and data sets are downloaded from the hub, and your own files are read by
        this tab alone. The set-up is a recipe that lives in the page’s address: copy the link, and it is the same run.
      </Text>
      <Text size="sm">
        HUT is the Hadamard Updated Transformation of{' '}
        <Anchor href="https://arxiv.org/abs/2409.13501" target="_blank" rel="noreferrer" underline="always">
          arXiv 2409.13501
        </Anchor>
        ; LoRA is{' '}
        <Anchor href="https://arxiv.org/abs/2106.09685" target="_blank" rel="noreferrer" underline="always">
          arXiv 2106.09685
        </Anchor>
        . The same recipe runs without a browser: <Code>npm run recipe -- recipe.json --out out</Code>.
      </Text>
    </Stack>
  );
}
