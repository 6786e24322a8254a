/** The paper's Fig. 3, drawn from these runs: score against FLOPs. On request with the paper's own points, hollow and lettered. */
import { NativeSelect } from '@mantine/core';
import { useMemo, useState } from 'react';
import { CartesianGrid, LabelList, ResponsiveContainer, Scatter, ScatterChart, Tooltip, XAxis, YAxis } from 'recharts';
import { Figure } from '../../chart/Figure';
import { Marker } from '../../chart/Marker';
import { markers } from '../../chart/markers';
import { csv, logTicks, type Range } from '../../chart/series';
import { big, score } from '../../format';
import { paperScore, paperScores } from './paper-points';
import { PaperFoot } from './PaperFoot';
import { comparableTo, type Row } from './rows';

const costs = {
  paperFlops: 'FLOPs of a forward pass by the paper (Eq. 11)',
  stepFlops: 'Executed FLOPs of a step',
  totalFlops: 'Executed FLOPs of the run so far',
} as const;

interface Placed {
  readonly title: string;
  readonly x: number;
  readonly y: number;
}

/** Beyond this many the names would lie over each other; the legend has them anyway. */
const mostLabels = 4;
const neutral = 'var(--quiet)';
const cited = 'arXiv 2409.13501';

export function CostScatter({ rows }: { rows: readonly Row[] }) {
  const [cost, setCost] = useState<keyof typeof costs>('paperFlops');
  const [withPaper, setWithPaper] = useState(false);
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
  const [taskId, taskTitle] = [reference?.run.task?.id ?? '', reference?.run.task?.title ?? ''];
  const scores = useMemo(() => paperScores({ id: taskId, title: taskTitle, metric }), [taskId, taskTitle, metric]);
  const paper = (withPaper && cost === 'paperFlops' ? scores.points : []).map((point) => ({
    ...point,
    x: point.flops,
    y: point.score,
  }));
  const title = `${metric.replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase())} against FLOPs`;
  const told = ({ title: name, x, y }: Placed) => `${name}: ${score(y)} at ${big(x)} FLOPs.`;
  const summary = [
    ...points.map(told),
    ...(paper.length ? [`From the paper, RoBERTa large, ${scores.title}:`, ...paper.map(told)] : []),
  ].join(' ');
  const flops = [...points, ...paper].map(({ x }) => x);
  const domain: Range = [Math.min(...flops) * 0.8, Math.max(...flops) * 1.25];
  const ticks = logTicks(domain);
  return (
    <Figure
      title={title}
      summary={points.length ? summary : 'No evaluation yet.'}
      legend={[
        ...points.map(({ key, title: name, colour, dash, marker, y }) => ({
          key,
          title: name,
          colour,
          dash,
          marker,
          value: score(y),
        })),
        ...paper.map(({ letter, title: name, y }) => ({
          key: `paper ${letter}`,
          title: `${letter} ${name} (paper)`,
          colour: neutral,
          dash: undefined,
          marker: markers[0]!,
          hollow: true,
          value: paperScore(y),
        })),
      ]}
      csv={() =>
        csv(
          ['method', metric, cost, 'source'],
          [
            ...points.map(({ title: name, x, y }) => [name, y, x, 'this page']),
            ...paper.map(({ title: name, x, y }) => [name, y, x, `${cited}, RoBERTa-large, ${scores.title}`]),
          ],
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
      foot={
        points.length > 0 && (
          <PaperFoot scores={scores} comparable={cost === 'paperFlops'} shown={withPaper} onShow={setWithPaper} />
        )
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
              domain={[...domain]}
              // Between two round numbers, at the points themselves.
              ticks={ticks.length > 1 ? ticks : [...new Set(flops)]}
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
              padding={{ top: 12, bottom: 12 }}
              tickLine={false}
              tickFormatter={(value: number) => String(Number(value.toPrecision(4)))}
            />
            {paper.map((point, i) => (
              <Scatter
                key={point.letter}
                name={point.title}
                data={[{ ...point, title: `${point.title} (paper, RoBERTa large)` }]}
                shape={({ cx, cy }) => <PaperMark cx={cx} cy={cy} letter={point.letter} below={i % 2 === 1} />}
                isAnimationActive={false}
              />
            ))}
            {points.map((point) => (
              <Scatter
                key={point.key}
                name={point.title}
                data={[point]}
                shape={({ cx, cy }) => <Marker cx={cx} cy={cy} path={point.marker} colour={point.colour} />}
                isAnimationActive={false}
              >
                {points.length <= mostLabels && (
                  <LabelList dataKey="series.title" position="right" className="recharts-label" />
                )}
              </Scatter>
            ))}
            <Tooltip
              isAnimationActive={false}
              content={({ active, payload }) =>
                active && payload?.[0] ? <Tip point={payload[0].payload as Placed} metric={metric} /> : null
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

/** Letters stand above and below in turn, since some of the paper's points are neighbours. */
function PaperMark({ cx, cy, letter, below }: { cx?: number; cy?: number; letter: string; below: boolean }) {
  if (cx === undefined || cy === undefined) return null;
  return (
    <g>
      <Marker cx={cx} cy={cy} path={markers[0]!} colour={neutral} hollow />
      <text className="recharts-label" x={cx} y={below ? cy + 16 : cy - 8} textAnchor="middle">
        {letter}
      </text>
    </g>
  );
}

function Tip({ point: { title, x, y }, metric }: { point: Placed; metric: string }) {
  return (
    <div className="chart-tip">
      {title}
      <br />
      {metric} {score(y)}, {big(x)} FLOPs
    </div>
  );
}
