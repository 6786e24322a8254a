/** The method itself, drawn: a weight of the checkpoint, and what each method of the recipe, or of the run, makes of it. */
import {
  Button,
  Center,
  Group,
  Loader,
  NativeSelect,
  SegmentedControl,
  Stack,
  Text,
  useComputedColorScheme,
} from '@mantine/core';
import { useMemo, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import type { WeightPicture, WeightPlace } from '../../../explain/weight-picture';
import { relativeChange, type Factor } from '../../../methods/core/drawing';
import { looksOf } from '../../method-colours';
import { methodOf, methodTitles, useApp } from '../../store';
import { Cells } from './Cells';
import { gradient, scaleOf } from './colours';
import { weightOf } from './edits';
import { MethodFigure } from './MethodFigure';
import './method-picture.css';
import { usePicture } from './use-picture';

const roleNames: Readonly<Record<WeightPicture['role'], string>> = {
  query: 'Query (q)',
  key: 'Key (k)',
  value: 'Value (v)',
  output: 'Attention output (o)',
  up: 'Feed-forward, up',
  down: 'Feed-forward, down',
  qkv: 'Query, key and value',
};

export default function MethodPictures() {
  const [place, setPlace] = useState<WeightPlace>({});
  const { picture, error, waits, ask } = usePicture(place);
  // Quietly: what is wrong with the recipe is an alert beside its button already.
  if (error)
    return (
      <Text size="sm" c="var(--quiet)">
        There is no weight to draw: {error.message}
      </Text>
    );
  if (waits)
    return (
      <Stack gap="xs" align="flex-start">
        <Text size="sm">A weight of this checkpoint can be drawn here once the checkpoint is downloaded.</Text>
        <Button size="xs" variant="default" onClick={ask}>
          Download and draw
        </Button>
      </Stack>
    );
  if (!picture)
    return (
      <Center h={320}>
        <Loader size="sm" aria-label="Reading a weight" />
      </Center>
    );
  return (
    <Pictures key={`${picture.name} ${picture.methods.map(({ id }) => id).join(' ')}`} {...{ picture, setPlace }} />
  );
}

function Pictures({ picture, setPlace }: { picture: WeightPicture; setPlace: (place: WeightPlace) => void }) {
  const { before, methods, role, layer, rows, columns, inFeatures, outFeatures } = picture;
  const [shownAs, setShownAs] = useState<'weight' | 'change'>('weight');
  const [edits, setEdits] = useState<{ of: WeightPicture; factors: Readonly<Record<string, readonly Factor[]>> }>();
  const titles = useApp(
    useShallow(({ run, recipe }) =>
      Object.fromEntries((run?.methods ?? (recipe ? methodTitles(recipe) : [])).map(({ id, title }) => [id, title])),
    ),
  );
  const scheme = useComputedColorScheme('light');
  // Changes belong to the picture that they were made in.
  const changed = edits?.of === picture ? edits.factors : {};
  const largest = useMemo(() => scaleOf(before, 0, 1), [before]);
  const looks = looksOf(methods.map(({ id }) => id));
  const drawn = methods.map((method) => {
    const drawing = methodOf(method.id)?.drawing;
    const factors = changed[method.id] ?? method.factors;
    const after = weightOf(picture, method, drawing, factors);
    const change = factors === method.factors ? method.change : relativeChange(after, before);
    return { method, drawing, factors, after, change, difference: after.map((value, i) => value - before[i]!) };
  });
  const differing = drawn.map(({ difference }) => scaleOf(difference, 0, largest));
  const moved = drawn.some(({ difference }) => difference.some((value) => value !== 0));
  const scale =
    shownAs === 'weight' || !moved ? largest : Math.max(...differing.filter((_, i) => drawn[i]!.change > 0));
  const at = `${layer + 1} of ${picture.layers}`;
  const block = (size: number, cells: number) => Number((size / cells).toFixed(1));
  const averaged = rows < inFeatures || columns < outFeatures;
  return (
    <section aria-label="What each method does to a weight">
      <Group gap="sm" align="flex-end">
        <NativeSelect
          label="Weight"
          size="xs"
          value={role}
          onChange={({ currentTarget }) => setPlace({ role: currentTarget.value as typeof role, layer })}
          data={picture.roles.map((value) => ({ value, label: roleNames[value] }))}
        />
        <NativeSelect
          label="Block"
          size="xs"
          value={String(layer)}
          onChange={({ currentTarget }) => setPlace({ role, layer: Number(currentTarget.value) })}
          data={Array.from({ length: picture.layers }, (_, i) => ({ value: String(i), label: String(i + 1) }))}
        />
        <SegmentedControl
          size="xs"
          aria-label="What the maps show"
          value={shownAs}
          onChange={(value) => setShownAs(value as typeof shownAs)}
          data={[
            { value: 'weight', label: 'Weight' },
            { value: 'change', label: 'Change' },
          ]}
        />
        <Legend scale={scale} background={gradient(scheme)} />
      </Group>
      <div className="picture-grid">
        <figure className="picture-figure" aria-label="Pre-trained weight">
          <figcaption>
            W₀ <span className="quiet">pre-trained, frozen or where training starts</span>
          </figcaption>
          <div className="picture-map">
            <Cells
              className="picture-weight"
              {...{ rows, columns, neutral: 0, scale: largest }}
              at={(row, column) => before[column * rows + row]!}
              label={`W₀, ${roleNames[role]} of block ${at}: ${rows} × ${columns} cells`}
            />
          </div>
          <Text size="sm">
            {inFeatures} inputs (rows) × {outFeatures} outputs (columns), {roleNames[role]} of block {at}
            {averaged &&
              `; each cell is the mean of ${block(inFeatures, rows)} × ${block(outFeatures, columns)} values`}
            . Drag a strip of a method, or move its sliders, and its weight follows.
          </Text>
        </figure>
        {drawn.map(({ method, drawing, factors, after, change, difference }, i) => (
          <MethodFigure
            key={method.id}
            {...{ picture, method, drawing, factors, scale, change }}
            title={titles[method.id] ?? method.id}
            look={looks[i]!}
            shown={shownAs === 'weight' ? after : difference}
            shownName={shownAs === 'weight' ? 'W_new' : 'W_new − W₀'}
            largestWeight={largest}
            onFactors={(next) => {
              const { [method.id]: _, ...others } = changed;
              setEdits({ of: picture, factors: next ? { ...others, [method.id]: next } : others });
            }}
          />
        ))}
      </div>
    </section>
  );
}

function Legend({ scale, background }: { scale: number; background: string }) {
  const end = Number(scale.toPrecision(2));
  return (
    <div className="picture-legend number" role="img" aria-label={`Colours: blue is −${end}, orange is ${end}`}>
      <span>−{end}</span>
      <i style={{ background }} />
      <span>{end}</span>
    </div>
  );
}
