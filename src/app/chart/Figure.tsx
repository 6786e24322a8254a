/** The frame of a chart: caption, controls, exports as PNG and CSV, legend. */
import { ActionIcon, Menu, VisuallyHidden } from '@mantine/core';
import { useId, useRef, type ReactNode } from 'react';
import { saveBlob, saveText } from '../download';
import { reportError } from '../store';
import './chart.css';
import { pngOf } from './png';
import type { Line } from './series';
import { Swatch } from './Swatch';

export interface FigureProps {
  readonly title: string;
  /** What the chart shows, in words, for those who do not see it. */
  readonly summary: string;
  readonly legend: readonly (Pick<Line, 'key' | 'title' | 'colour' | 'dash'> & {
    readonly value?: string;
    /** For points instead of a line: their marker. */
    readonly marker?: string;
    readonly hollow?: boolean;
  })[];
  /** All of the data, as CSV. */
  csv(): string;
  readonly controls?: ReactNode;
  /** Below the legend: what the numbers mean. */
  readonly foot?: ReactNode;
  readonly children: ReactNode;
}

export const fileName = (title: string) => title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

export function Figure({ title, summary, legend, csv, controls, foot, children }: FigureProps) {
  const id = useId();
  const body = useRef<HTMLDivElement>(null);
  const savePng = async () => {
    const svg = body.current?.querySelector<SVGSVGElement>('svg.recharts-surface');
    if (svg) saveBlob(`${fileName(title)}.png`, await pngOf(svg, title, legend));
  };
  return (
    <figure className="chart" aria-labelledby={`${id}-title`} aria-describedby={`${id}-summary`}>
      <div className="chart-head">
        <figcaption id={`${id}-title`}>{title}</figcaption>
        {controls}
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" size="md" aria-label={`Save ${title}`} title="Save">
              <svg
                width="16"
                height="16"
                viewBox="0 0 16 16"
                fill="none"
                stroke="currentColor"
                strokeWidth="1.5"
                aria-hidden="true"
              >
                <path d="M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11" />
              </svg>
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => void savePng().catch(reportError)}>Image (PNG)</Menu.Item>
            <Menu.Item onClick={() => saveText(`${fileName(title)}.csv`, csv(), 'text/csv')}>Numbers (CSV)</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      <div className="chart-body" ref={body}>
        {children}
      </div>
      <ul className="chart-legend" aria-hidden="true">
        {legend.map(({ key, title: name, colour, dash, marker, hollow, value }) => (
          <li key={key}>
            <Swatch colour={colour} dash={dash} marker={marker} hollow={hollow} />
            {name}
            {value !== undefined && <span className="number">{value}</span>}
          </li>
        ))}
      </ul>
      {foot}
      <VisuallyHidden id={`${id}-summary`}>{summary}</VisuallyHidden>
    </figure>
  );
}
