/** The whole page takes drops: a checkpoint or adapter folder, tables, or a recipe. */
import { Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { addFiles, filesOfDrop } from '../dropped-files';
import { reportError } from '../store';

export function DropTarget() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const dragOver = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      filesOfDrop(event.dataTransfer!).then(addFiles, reportError);
    };
    addEventListener('dragover', dragOver);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', dragOver);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, []);
  if (!over) return null;
  return (
    <div className="drop-veil">
      <div>
        <Text fw={600}>Drop here</Text>
        <Text size="sm">A checkpoint or adapter folder, tables (CSV, TSV, JSONL, Parquet), or a recipe</Text>
      </div>
    </div>
  );
}
