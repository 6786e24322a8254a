/**
 * Parquet files, as the hub keeps its data sets, through `hyparquet` (imported when the first is read). Only the columns asked
 * for are read, by byte range where the source can.
 */
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import type { OpenFile } from '../checkpoint/source';
import { UserError } from '../errors';

/** A Parquet file, opened: its column names and row count are known, nothing else is read yet. */
export interface ParquetFile {
  columns: string[];
  rowCount: number;
  /**
   * Reads whole columns.
   *
   * @returns one array of `rowCount` values for each name, in their order
   * @throws UserError `data/parquet-invalid`
   */
  read(columns: readonly string[]): Promise<unknown[][]>;
}

/**
 * @param label the file's name, for errors
 * @throws UserError `data/parquet-invalid` where it is no Parquet file, is cut short, or uses a compression other than none or snappy
 */
export async function openParquet(file: OpenFile, label: string): Promise<ParquetFile> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const buffer: AsyncBuffer = {
    byteLength: file.size,
    slice: async (start, end) => {
      const bytes = await file.slice(start, end);
      // hyparquet wants a buffer of its own; a slice may be a view into a larger one.
      return bytes.slice().buffer;
    },
  };
  const attempt = async <T>(work: () => Promise<T>) => {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UserError('data/parquet-invalid', `${label} cannot be read as Parquet: ${reason}.`, { cause });
    }
  };
  const metadata: FileMetaData = await attempt(() => parquetMetadataAsync(buffer));
  const rowCount = Number(metadata.num_rows);
  return {
    columns: parquetSchema(metadata).children.map(({ element }) => element.name),
    rowCount,
    read: (columns) =>
      attempt(async () => {
        const rows = await parquetReadObjects({ file: buffer, metadata, columns: [...columns] });
        if (rows.length !== rowCount) throw new Error(`it has ${rows.length} rows where it says ${rowCount}`);
        return columns.map((column) => rows.map((row) => row[column]));
      }),
  };
}
