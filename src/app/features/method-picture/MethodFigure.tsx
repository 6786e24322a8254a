/** One method's picture: its factors as strips beside the new weight, to be dragged, and sliders that do the same. */
import { Button, Group, SegmentedControl, Slider, Text } from '@mantine/core';
import { useState } from 'react';
import type { MethodPicture, WeightPicture } from '../../../explain/weight-picture';
import type { Drawing, Factor } from '../../../methods/core/drawing';
import { Swatch } from '../../chart/Swatch';
import { grouped } from '../../format';
import type { Look } from '../../method-colours';
import { Cells } from './Cells';
import { scaleOf } from './colours';
import { indexOf, placesOf, reachOf, validHandle, withValue, type Handle } from './edits';

/** A drag of so many pixels moves a value by its whole reach. */
const wholeDrag = 160;

export interface MethodFigureProps {
  readonly picture: WeightPicture;
  readonly method: MethodPicture;
  readonly title: string;
  readonly look: Look;
  readonly drawing: Drawing<never> | undefined;
  /** As sent, or as changed here. */
  readonly factors: readonly Factor[];
  onFactors(factors: readonly Factor[] | undefined): void;
  /** Cells to paint, `[columns, rows]`: the new weight, or its distance from the old one. */
  readonly shown: Float32Array;
  readonly shownName: string;
  readonly scale: number;
  readonly largestWeight: number;
  readonly change: number;
}

const percent = (share: number) => `${share === 0 ? '0' : (100 * share).toPrecision(3)} %`;

export function MethodFigure(props: MethodFigureProps) {
  const { picture, method, title, look, factors, onFactors, shown, shownName, scale, largestWeight, change } = props;
  const { rows, columns, inFeatures, outFeatures } = picture;
  const [chosen, setHandle] = useState<Handle>({ factor: 0, line: 0, place: 0 });
  const handle = validHandle(chosen, factors);
  const [grasped, setGrasped] = useState(0);
  const move = (to: Handle, value: number) => onFactors(withValue(factors, to, value));
  const strip = (factor: Factor, index: number, area: 'inputs' | 'outputs' | 'bias') => {
    const { lines, values, neutral, name } = factor;
    const places = placesOf(factor);
    const upright = area === 'inputs';
    const reach = reachOf(method.factors[index]!, largestWeight);
    return (
      <Cells
        key={name}
        className={`picture-${area}`}
        rows={upright ? places : lines}
        columns={upright ? lines : places}
        at={(row, column) => (upright ? values[column * places + row]! : values[row * places + column]!)}
        neutral={neutral}
        scale={scaleOf(values, neutral, 1)}
        label={`${name} of ${title}: ${lines > 1 ? `${lines} × ` : ''}${places} values`}
        onGrasp={(row, column) => {
          const to = { factor: index, line: upright ? column : row, place: upright ? row : column };
          setHandle(to);
          setGrasped(values[indexOf(to, factor)]!);
        }}
        onDrag={(right, up) => {
          const value = grasped + ((upright ? right : up) / wholeDrag) * reach;
          move(handle, Math.max(neutral - reach, Math.min(neutral + reach, value)));
        }}
      />
    );
  };
  const of = (along: Factor['along'], what: Factor['of']) =>
    factors.flatMap((factor, i) => (factor.along === along && factor.of === what ? [{ factor, i }] : []));
  const [inputs, outputs, bias] = [of('inputs', 'weight'), of('outputs', 'weight'), of('outputs', 'bias')];
  const cells = of('cells', 'weight')[0];
  const size = (inFeatures + 1) * outFeatures;
  return (
    <figure className="picture-figure" aria-label={title}>
      <figcaption>
        <Swatch colour={look.colour} dash={look.dash} /> {title}
        <Text span size="xs" className="quiet number">
          {' '}
          {shownName}, {percent(change)} changed
        </Text>
      </figcaption>
      <div className="picture-map">
        <span className="picture-names quiet" aria-hidden="true">
          {outputs.map(({ factor }) => (
            <span key={factor.name}>{factor.name} →</span>
          ))}
          {inputs.map(({ factor }) => (
            <span key={factor.name}>{factor.name} ↓</span>
          ))}
        </span>
        {outputs.map(({ factor, i }) => strip(factor, i, 'outputs'))}
        {inputs.map(({ factor, i }) => strip(factor, i, 'inputs'))}
        <Cells
          className="picture-weight"
          rows={rows}
          columns={columns}
          at={(row, column) => shown[column * rows + row]!}
          neutral={0}
          scale={scale}
          label={`${shownName} of ${title}, ${rows} × ${columns} cells: ${percent(change)} changed`}
          {...(cells && {
            onGrasp: (row: number, column: number) => {
              const to = { factor: cells.i, line: 0, place: column * rows + row };
              setHandle(to);
              setGrasped(cells.factor.values[to.place]!);
            },
            onDrag: (right: number, up: number) => {
              const reach = reachOf(method.factors[cells.i]!, largestWeight);
              const value = grasped + ((right + up) / wholeDrag) * reach;
              move(handle, Math.max(-reach, Math.min(reach, value)));
            },
          })}
        />
        {bias.map(({ factor, i }) => strip(factor, i, 'bias'))}
        {bias.map(({ factor }) => (
          <span key={factor.name} className="picture-bias-name quiet" aria-hidden="true">
            {factor.name} →
          </span>
        ))}
      </div>
      <Text size="sm">
        {method.words} Trained: {grouped(method.trained)} numbers, where the layer has {grouped(size)} (
        {percent(method.trained / size)}).
      </Text>
      {factors.length > 0 && (
        <Sliders
          {...{ title, factors, handle, rows, onHandle: setHandle }}
          reach={reachOf(method.factors[handle.factor]!, largestWeight)}
          onValue={(value) => move(handle, value)}
          {...(factors !== method.factors && { onReset: () => onFactors(undefined) })}
        />
      )}
    </figure>
  );
}

interface SlidersProps {
  readonly title: string;
  readonly factors: readonly Factor[];
  readonly handle: Handle;
  /** Cells along the inputs. */
  readonly rows: number;
  readonly reach: number;
  onHandle(handle: Handle): void;
  onValue(value: number): void;
  onReset?(): void;
}

/** Which value is moved, and where to. */
function Sliders({ title, factors, handle, rows, reach, onHandle, onValue, onReset }: SlidersProps) {
  const factor = factors[handle.factor]!;
  const { name, along, lines, neutral } = factor;
  const places = placesOf(factor);
  const slider = (label: string, value: number, count: number, onChange: (value: number) => void) => (
    <div className="picture-slider">
      <Text size="xs" className="number">
        {label} {value + 1}
      </Text>
      <Slider
        size="sm"
        min={1}
        max={count}
        value={value + 1}
        label={null}
        thumbLabel={`${label} of ${name}, ${title}`}
        onChange={(position) => onChange(position - 1)}
      />
    </div>
  );
  const { place, line } = handle;
  const value = factor.values[indexOf(handle, factor)]!;
  return (
    <div className="picture-sliders">
      {factors.length > 1 && (
        <SegmentedControl
          size="xs"
          aria-label={`Factor of ${title} that is moved`}
          value={String(handle.factor)}
          onChange={(index) => onHandle({ factor: Number(index), line: 0, place: 0 })}
          data={factors.map((other, i) => ({ value: String(i), label: other.name }))}
        />
      )}
      {along === 'inputs' && slider('Row', place, places, (to) => onHandle({ ...handle, place: to }))}
      {along === 'outputs' && slider('Column', place, places, (to) => onHandle({ ...handle, place: to }))}
      {along === 'cells' && (
        <>
          {slider('Row', place % rows, rows, (to) => onHandle({ ...handle, place: place - (place % rows) + to }))}
          {slider('Column', Math.floor(place / rows), places / rows, (to) =>
            onHandle({ ...handle, place: to * rows + (place % rows) }),
          )}
        </>
      )}
      {lines > 1 && slider('Rank', line, lines, (to) => onHandle({ ...handle, line: to }))}
      <div className="picture-slider">
        <Text size="xs" className="number">
          {name} {value === 0 ? '0' : value.toPrecision(3)}
        </Text>
        <Slider
          size="sm"
          min={neutral - reach}
          max={neutral + reach}
          step={reach / 100}
          value={value}
          label={null}
          thumbLabel={`Value of ${name}, ${title}`}
          onChange={onValue}
        />
      </div>
      <Group justify="flex-end">
        <Button size="compact-xs" variant="default" disabled={!onReset} onClick={onReset}>
          Put back
        </Button>
      </Group>
    </div>
  );
}
