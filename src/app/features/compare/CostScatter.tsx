/** The paper's Fig. 3, drawn from these runs: score against FLOPs. */
import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import {
  CartesianGrid,
  LabelList,
  ReferenceLine,
  ResponsiveContainer,
  Scatter,
  ScatterChart,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { Figure } from '../../chart/Figure';
import { csv, extent } from '../../chart/series';
import { big, score } from '../../format';
import { methodColour, methodSlot } from '../../method-colours';
import { paperFlops } from './paper-flops';
import { comparableTo, type Row } from './rows';

const costs = {
  paperFlops: 'FLOPs of a forward pass by the paper (Eq. 11)',
  stepFlops: 'Executed FLOPs of a step',
  totalFlops: 'Executed FLOPs of the run so far',
} as const;

/** Told apart without colour, too. */
const shapes = ['circle', 'diamond', 'square', 'triangle', 'star', 'cross', 'wye'] as const;

export function CostScatter({ rows }: { rows: readonly Row[] }) {
  const [cost, setCost] = useState<keyof typeof costs>('paperFlops');
  const reference = rows.find(({ best }) => best !== undefined);
  const points = reference
    ? rows
        .filter(comparableTo(reference))
        .flatMap((row) =>
          row.best === undefined || row[cost] === undefined ? [] : [{ ...row, x: row[cost], y: row.best }],
        )
    : [];
  const leftOut = rows.filter(({ best }) => best !== undefined).length - points.length;
  const metric = reference?.metric ?? 'score';
  const title = `${metric.replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase())} against FLOPs`;
  // The paper's costs mean something beside a model of its size only.
  const [low, high] = extent([{ points: points.map(({ x }) => ({ x: 0, y: x })) }]) ?? [0, 0];
  const paper = cost === 'paperFlops' ? paperFlops.filter(({ flops }) => flops < 5 * high && flops > low / 5) : [];
  const summary = points.map(({ title, x, y }) => `${title}: ${metric} ${score(y)} at ${big(x)} FLOPs.`).join(' ');
  const domain = [
    Math.min(low, ...paper.map(({ flops }) => flops)) * 0.8,
    Math.max(high, ...paper.map(({ flops }) => flops)) * 1.25,
  ];
  return (
    <Figure
      title={title}
      summary={summary || 'No evaluation yet.'}
      legend={points.map(({ key, title, colour, dash, y }) => ({
        key,
        title,
        colour,
        dash,
        dot: true,
        value: score(y),
      }))}
      csv={() =>
        csv(
          ['method', metric, cost],
          points.map(({ title, x, y }) => [title, y, x]),
        )
      }
      controls={
        <NativeSelect
          size="xs"
          aria-label="Cost shown"
          value={cost}
          onChange={(event) => setCost(event.currentTarget.value as keyof typeof costs)}
          data={Object.entries(costs).map(([value, label]) => ({ value, label }))}
          maw={{ base: 160, sm: 320 }}
        />
      }
    >
      {points.length ? (
        <ResponsiveContainer width="100%" height="100%" debounce={50}>
          <ScatterChart margin={{ top: 20, right: 48, bottom: 4, left: 0 }} aria-label={title}>
            <CartesianGrid />
            <XAxis
              type="number"
              dataKey="x"
              name="FLOPs"
              scale="log"
              domain={domain}
              tickFormatter={big}
              tickLine={false}
              allowDataOverflow
            />
            <YAxis
              type="number"
              dataKey="y"
              name={metric}
              width={56}
              domain={['auto', 'auto']}
              tickLine={false}
              tickFormatter={(value: number) => String(Number(value.toPrecision(4)))}
            />
            {paper.map(({ method, title, flops }) => (
              <ReferenceLine
                key={method}
                x={flops}
                stroke={methodColour(method)}
                strokeDasharray="2 4"
                label={{ value: title, position: 'insideBottomLeft' }}
              />
            ))}
            {points.map((point) => (
              <Scatter
                key={point.key}
                name={point.title}
                data={[point]}
                fill={point.colour}
                shape={shapes[methodSlot(point.series.id) % shapes.length]!}
                isAnimationActive={false}
              >
                <LabelList dataKey="series.title" position="right" className="recharts-label" />
              </Scatter>
            ))}
            <Tooltip
              isAnimationActive={false}
              content={({ active, payload }) =>
                active && payload?.[0] ? (
                  <Tip row={payload[0].payload as (typeof points)[number]} metric={metric} />
                ) : null
              }
            />
          </ScatterChart>
        </ResponsiveContainer>
      ) : (
        <div className="chart-empty">A point for each method appears with its first evaluation.</div>
      )}
      {leftOut > 0 && points.length > 0 && <span className="compare-note">{leftOut} on other tasks not drawn</span>}
    </Figure>
  );
}

function Tip({ row, metric }: { row: Row & { x: number; y: number }; metric: string }) {
  return (
    <div className="chart-tip">
      {row.title}
      <br />
      {metric} {score(row.y)}, {big(row.x)} FLOPs
    </div>
  );
}
