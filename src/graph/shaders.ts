/** The text of every file in `shaders/`, by name. */
const files = import.meta.glob<string>('../../shaders/*.wgsl', { query: '?raw', import: 'default', eager: true });

export function shaderSource(name: string): string {
  const source = files[`../../shaders/${name}.wgsl`];
  if (source === undefined) throw new Error(`no shader named ${name}`);
  return source;
}
