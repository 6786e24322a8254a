/** Regression: answers against the truth, one point an example; a perfect model's lie on the diagonal. */
import { CartesianGrid, ReferenceLine, ResponsiveContainer, Scatter, ScatterChart, XAxis, YAxis } from 'recharts';
import { Figure } from '../../chart/Figure';
import { csv } from '../../chart/series';
import { Marker } from '../../chart/Marker';
import type { Look } from '../../method-colours';

export interface TruthScatterProps {
  readonly methods: readonly (Look & {
    readonly id: string;
    readonly title: string;
    readonly scatter: readonly { readonly truth: number; readonly prediction: number }[];
  })[];
}

const mostPoints = 500;

export function TruthScatter({ methods }: TruthScatterProps) {
  const all = methods.flatMap(({ scatter }) => scatter.flatMap(({ truth, prediction }) => [truth, prediction]));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const rows = methods.flatMap(({ title, scatter }) =>
    scatter.map(({ truth, prediction }) => [title, truth, prediction]),
  );
  return (
    <Figure
      title="Answers against the truth"
      summary={`${methods.length} methods, ${methods[0]?.scatter.length ?? 0} examples each.`}
      legend={methods.map(({ id, title, colour, dash, marker }) => ({ key: id, title, colour, dash, marker }))}
      csv={() => csv(['method', 'truth', 'answer'], rows)}
    >
      <ResponsiveContainer width="100%" height="100%" debounce={50}>
        <ScatterChart margin={{ top: 8, right: 12, bottom: 0, left: 0 }} aria-label="Answers against the truth">
          <CartesianGrid />
          <XAxis type="number" dataKey="truth" name="truth" domain={['auto', 'auto']} tickLine={false} />
          <YAxis
            type="number"
            dataKey="prediction"
            name="answer"
            width={48}
            domain={['auto', 'auto']}
            tickLine={false}
          />
          {all.length > 0 && (
            <ReferenceLine
              segment={[
                { x: low, y: low },
                { x: high, y: high },
              ]}
              stroke="var(--quiet)"
              strokeDasharray="4 4"
            />
          )}
          {methods.map(({ id, title, scatter, colour, marker }) => {
            const every = Math.max(1, Math.ceil(scatter.length / mostPoints));
            return (
              <Scatter
                key={id}
                name={title}
                data={scatter.filter((_, i) => i % every === 0)}
                shape={({ cx, cy }) => <Marker cx={cx} cy={cy} path={marker} colour={colour} opacity={0.6} />}
                isAnimationActive={false}
              />
            );
          })}
        </ScatterChart>
      </ResponsiveContainer>
    </Figure>
  );
}
