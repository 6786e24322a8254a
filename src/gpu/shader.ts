/**
 * Shader text → pipeline.
 *
 * A `.wgsl` file states its own bindings and parameters; the host only gives values by name. Before compilation, constants are
 * prepended as WGSL `const`s and a tiny preprocessor keeps or drops lines:
 *
 *     //#if HAS_BIAS        kept where the constant HAS_BIAS is true (or a non-zero number); `//#if !HAS_BIAS` the reverse
 *     //#else
 *     //#endif
 *     //#include "epilogue" the text of shaders/epilogue.wgsl
 *     //#for i TILE_ROWS    the lines up to `//#endfor`, once for each i from 0, with `{i}` replaced; may nest
 *
 * WGSL's own pipeline overrides can neither drop a binding nor unroll a register tile, hence this.
 */
import { finished } from './wait';

export type Constants = Readonly<Record<string, number | boolean>>;

export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly type: GPUBufferBindingType;
}

export interface ShaderModule {
  readonly code: string;
  readonly bindings: readonly Binding[];
  /** The fields of `struct Params`, in order: each four bytes. */
  readonly params: readonly { readonly name: string; readonly type: 'u32' | 'f32' }[];
}

/** The lines between a directive at `start` and its end, split at an `//#else` of the same level. */
function block(lines: readonly string[], start: number, open: string, close: string) {
  const body: string[] = [];
  const alternative: string[] = [];
  let depth = 0;
  let target = body;
  for (let at = start + 1; at < lines.length; at++) {
    const word = /^\s*\/\/#(\w+)/.exec(lines[at]!)?.[1];
    if (word === close && depth === 0) return { body, alternative, end: at };
    if (word === open) depth++;
    if (word === close) depth--;
    if (word === 'else' && open === 'if' && depth === 0) target = alternative;
    else target.push(lines[at]!);
  }
  throw new Error(`shader: //#${open} without //#${close}`);
}

/** Resolves includes and conditionals. Throws an `Error` on a directive that does not parse: shaders are ours, so that is a bug. */
export function preprocess(source: string, constants: Constants, include: (name: string) => string): string {
  const out: string[] = [];
  const visit = (lines: readonly string[]) => {
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at]!;
      const directive = /^\s*\/\/#(\w+)\s*(.*?)\s*$/.exec(line);
      if (!directive) {
        out.push(line);
        continue;
      }
      const [, word, rest] = directive as unknown as [string, string, string];
      if (word === 'include') visit(include(rest.replaceAll('"', '')).split('\n'));
      else if (word === 'if') {
        const { body, alternative, end } = block(lines, at, 'if', 'endif');
        visit(Boolean(constants[rest.replace('!', '')]) !== rest.startsWith('!') ? body : alternative);
        at = end;
      } else if (word === 'for') {
        const { body, end } = block(lines, at, 'for', 'endfor');
        const [name, count] = rest.split(/\s+/) as [string, string];
        const times = Number(constants[count] ?? count);
        if (!Number.isInteger(times)) throw new Error(`shader: ${line.trim()}: ${count} is not a number`);
        for (let i = 0; i < times; i++) visit(body.map((text) => text.replaceAll(`{${name}}`, String(i))));
        at = end;
      } else throw new Error(`shader: unknown directive: ${line.trim()}`);
    }
  };
  visit(source.split('\n'));
  const header = Object.entries(constants).flatMap(([name, value]) =>
    typeof value === 'number' ? [`const ${name} = ${Number.isInteger(value) ? `${value}u` : `${value}f`};`] : [],
  );
  // WGSL wants its directives first.
  const directive = (line: string) => /^(enable|diagnostic)\b/.test(line);
  return [...out.filter(directive), ...header, ...out.filter((line) => !directive(line))].join('\n');
}

/** Reads bindings and parameter fields off preprocessed WGSL. */
export function parseShader(code: string): ShaderModule {
  const types: Record<string, GPUBufferBindingType> = {
    uniform: 'uniform',
    'storage, read': 'read-only-storage',
    'storage, read_write': 'storage',
  };
  const bindings = [...code.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]+)>\s*(\w+)/g)].map(
    ([, index, kind, name]) => ({
      index: Number(index),
      name: name!,
      type: types[kind!]!,
    }),
  );
  const struct = /struct Params \{([^}]*)\}/.exec(code)?.[1] ?? '';
  const params = [...struct.matchAll(/(\w+):\s*(u32|f32)/g)].map(([, name, type]) => ({
    name: name!,
    type: type as 'u32' | 'f32',
  }));
  return { code, bindings, params };
}

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly module: ShaderModule;
}

/** Compiles each distinct (shader, constants) once per device. */
export class PipelineCache {
  readonly #compiled = new Map<string, Promise<Pipeline>>();

  constructor(
    readonly device: GPUDevice,
    readonly source: (name: string) => string,
  ) {}

  static key(shader: string, constants: Constants): string {
    return `${shader}(${Object.entries(constants)
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(',')})`;
  }

  get size(): number {
    return this.#compiled.size;
  }

  get(shader: string, constants: Constants): Promise<Pipeline> {
    const key = PipelineCache.key(shader, constants);
    let entry = this.#compiled.get(key);
    if (!entry) this.#compiled.set(key, (entry = this.#compile(shader, constants, key)));
    return entry;
  }

  async #compile(shader: string, constants: Constants, label: string): Promise<Pipeline> {
    const module = parseShader(preprocess(this.source(shader), constants, this.source));
    const layout = this.device.createBindGroupLayout({
      label,
      entries: module.bindings.map(({ index, type }) => ({
        binding: index,
        visibility: 4 /* COMPUTE */,
        buffer: { type },
      })),
    });
    const compiling = this.device.createComputePipelineAsync({
      label,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.device.createShaderModule({ label, code: module.code }), entryPoint: 'main' },
    });
    return { pipeline: await finished(compiling), layout, module };
  }
}

/** Packs parameter values by name into the words of `struct Params`. Throws an `Error` on a name too many or too few. */
export function packParams(
  module: ShaderModule,
  values: Readonly<Record<string, number>>,
  label: string,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.max(4, Math.ceil(module.params.length / 4) * 4));
  const floats = new Float32Array(words.buffer);
  module.params.forEach(({ name, type }, i) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${label}: parameter ${name} is missing`);
    if (type === 'u32') words[i] = value;
    else floats[i] = value;
  });
  return words;
}
