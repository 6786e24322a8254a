/**
 * The safetensors format: 8 bytes of header length (little-endian), a JSON header, the tensors' bytes.
 *
 * The reader checks everything the reference implementation does (huggingface/safetensors, `tensor.rs`, 0.8) and, as the
 * format's description asks, refuses what that implementation still lets through: a header that does not start with `{`,
 * and duplicate keys. Nothing is allocated by the header's word: tensors are views of the bytes that are really there.
 */
import { UserError } from '../errors';
import { byteCount, isDtype, type Dtype, type Tensor } from './dtype';
import { findHeaderFlaw } from './header-json';

export type { Dtype, Tensor } from './dtype';
export { streamSafetensors, writeSafetensors } from './safetensors-writer';

export interface Safetensors {
  /** In the order of the file. */
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

export interface TensorInfo {
  dtype: Dtype;
  shape: readonly number[];
  /** Byte range in the file, header included. */
  start: number;
  end: number;
}

export interface SafetensorsHeader {
  /** In the order of the file. */
  tensors: Map<string, TensorInfo>;
  metadata: Record<string, string>;
}

const lengthBytes = 8;
const maxHeaderBytes = 100_000_000;

/**
 * Reads how many bytes at the start of the file the header takes, its 8 length bytes included.
 *
 * @param bytes at least the file's first 8 bytes (or the whole file, if shorter)
 * @param fileSize bytes of the whole file
 * @throws UserError `safetensors/header-too-small`, `safetensors/header-too-large`, `safetensors/truncated`
 */
export function safetensorsHeaderEnd(bytes: Uint8Array, fileSize: number, file: string): number {
  if (fileSize < lengthBytes || bytes.length < lengthBytes) {
    throw new UserError(
      'safetensors/header-too-small',
      `${file} is only ${fileSize} bytes long, too short for a safetensors file; download it again.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > maxHeaderBytes) {
    throw new UserError(
      'safetensors/header-too-large',
      `${file} ${foreignFormat(bytes) ?? `claims a header of ${length} bytes, more than the 100 MB that safetensors allows; it is damaged or no safetensors file`}.`,
    );
  }
  if (lengthBytes + length > fileSize) {
    throw new UserError(
      'safetensors/truncated',
      `${file} is cut off: its header takes ${length} bytes, but the file has ${fileSize}; download it again.`,
    );
  }
  return lengthBytes + length;
}

/**
 * Parses and checks a header.
 *
 * @param bytes the file, or at least its start up to the end of the header
 * @param fileSize bytes of the whole file
 * @param file what the error messages call the file
 * @throws UserError `safetensors/…`
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  fileSize: number = bytes.length,
  file = 'The safetensors file',
): SafetensorsHeader {
  const headerEnd = safetensorsHeaderEnd(bytes, fileSize, file);
  const header = parseHeaderJson(bytes.subarray(lengthBytes, headerEnd), file);
  let metadata: Record<string, string> = {};
  const infos: [string, TensorInfo][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = checkMetadata(value, file);
    else infos.push([name, checkTensor(name, value, headerEnd, file)]);
  }
  // Any order of the keys is fine; the byte ranges must then follow each other without hole or overlap to the file's end.
  infos.sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  let position = headerEnd;
  for (const [name, info] of infos) {
    if (info.start !== position) {
      const what = info.start > position ? 'leaves a hole after' : 'overlaps';
      throw new UserError('safetensors/offsets', `${file}: tensor ${quote(name)} ${what} the tensor before it.`);
    }
    position = info.end;
  }
  if (position !== fileSize) {
    throw new UserError(
      position > fileSize ? 'safetensors/truncated' : 'safetensors/trailing-bytes',
      position > fileSize
        ? `${file} is cut off: its tensors end at byte ${position}, but the file has ${fileSize}; download it again.`
        : `${file} has ${fileSize - position} bytes after its last tensor, which safetensors does not allow.`,
    );
  }
  return { tensors: new Map(infos), metadata };
}

/**
 * Reads a whole file. The tensors' data are views of `bytes`, not copies.
 *
 * @throws UserError `safetensors/…`
 */
export function readSafetensors(bytes: Uint8Array, file?: string): Safetensors {
  const { tensors, metadata } = parseSafetensorsHeader(bytes, bytes.length, file);
  const views = new Map<string, Tensor>();
  for (const [name, { dtype, shape, start, end }] of tensors) {
    views.set(name, { dtype, shape, data: bytes.subarray(start, end) });
  }
  return { tensors: views, metadata };
}

function parseHeaderJson(bytes: Uint8Array, file: string): object {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UserError('safetensors/invalid-utf8', `${file}: the header is not valid UTF-8.`);
  }
  if (!text.startsWith('{')) {
    throw new UserError('safetensors/header-start', `${file}: the header does not start with "{".`);
  }
  let header: object;
  try {
    header = JSON.parse(text) as object; // An object, since the text starts with `{`.
  } catch {
    throw new UserError('safetensors/invalid-json', `${file}: the header is not valid JSON.`);
  }
  const flaw = findHeaderFlaw(text);
  if (flaw) throw new UserError(`safetensors/${flaw.kind}`, `${file}: ${flaw.sentence}`);
  return header;
}

function checkMetadata(value: unknown, file: string): Record<string, string> {
  if (value === null) return {};
  if (!isObject(value) || Object.values(value).some((entry) => typeof entry !== 'string')) {
    throw new UserError('safetensors/metadata', `${file}: __metadata__ must map text to text.`);
  }
  return value as Record<string, string>;
}

function checkTensor(name: string, value: unknown, headerEnd: number, file: string): TensorInfo {
  const fail = (code: string, what: string): never => {
    throw new UserError(`safetensors/${code}`, `${file}: tensor ${quote(name)} ${what}.`);
  };
  if (!isObject(value)) return fail('tensor-info', 'is not described by a JSON object');
  const own = (key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);
  const [dtype, shape, offsets] = [own('dtype'), own('shape'), own('data_offsets')];
  if (!isDtype(dtype)) return fail('dtype', `has an unknown dtype, ${quote(String(JSON.stringify(dtype)))}`);
  if (!isSizes(shape)) return fail('shape', 'has a shape that is not a list of whole numbers');
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return fail('offsets', 'has data_offsets that are not two whole numbers in order');
  }
  const size = byteCount(dtype, shape);
  if (Number.isNaN(size)) return fail('overflow', `has a shape beyond all bounds, ${quote(shape.join(' × '))}`);
  if (!Number.isInteger(size)) return fail('misaligned', `has ${dtype} elements that do not fill whole bytes`);
  const [start, end] = offsets as [number, number];
  if (end - start !== size) {
    return fail('size', `has ${end - start} bytes of data, but its dtype and shape need ${size}`);
  }
  return { dtype, shape, start: headerEnd + start, end: headerEnd + end };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Quoted, and cut to what a sentence can hold: the text comes from the file. */
function quote(text: string): string {
  return `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`;
}

/** What a file most often is that should have been safetensors. */
function foreignFormat(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 64));
  if (start.startsWith('version https://git-lfs'))
    return 'is a Git LFS pointer, not the file itself; run "git lfs pull"';
  if (/^\s*<(!doctype|html)/i.test(start)) return 'is a web page, not a safetensors file';
  if (start.startsWith('PK\x03\x04')) return 'is a PyTorch (zip) file; convert it to safetensors';
  return undefined;
}
