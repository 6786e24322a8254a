/** A matrix as coloured cells. */
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, type PointerEvent } from 'react';
import { colourOf } from './colours';

export interface CellsProps {
  /** The value of a cell. */
  at(row: number, column: number): number;
  readonly rows: number;
  readonly columns: number;
  readonly neutral: number;
  /** The distance from `neutral` that has the full colour. */
  readonly scale: number;
  /** For those who do not see it. */
  readonly label: string;
  readonly className: string;
  /** Where there is something to drag: the cell under the pointer, and afterwards how far it has moved from there, in pixels. */
  onGrasp?(row: number, column: number): void;
  onDrag?(right: number, up: number): void;
}

export function Cells({ at, rows, columns, neutral, scale, label, className, onGrasp, onDrag }: CellsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const start = useRef<readonly [number, number]>(undefined);
  const scheme = useComputedColorScheme('light');
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const image = context.createImageData(columns, rows);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        image.data.set([...colourOf((at(row, column) - neutral) / scale, scheme), 255], 4 * (row * columns + column));
    context.putImageData(image, 0, 0);
  });
  const grasp = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const cell = (position: number, size: number, cells: number) =>
      Math.max(0, Math.min(cells - 1, Math.floor((position / size) * cells)));
    event.currentTarget.setPointerCapture(event.pointerId);
    start.current = [event.clientX, event.clientY];
    onGrasp!(cell(event.clientY - box.top, box.height, rows), cell(event.clientX - box.left, box.width, columns));
  };
  return (
    <canvas
      ref={canvas}
      width={columns}
      height={rows}
      role="img"
      aria-label={label}
      className={`picture-cells ${className}`}
      data-grasp={onGrasp !== undefined}
      {...(onGrasp && {
        onPointerDown: grasp,
        onPointerMove: (event) => {
          if (start.current && event.buttons)
            onDrag?.(event.clientX - start.current[0], start.current[1] - event.clientY);
        },
        onPointerUp: () => (start.current = undefined),
      })}
    />
  );
}
