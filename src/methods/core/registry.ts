/** All methods there are: every file of `src/methods` exports its own. Recipes, page and command line are generated from this list. */
import { families, type Method } from './method';

const files = import.meta.glob<Method>(['../*.ts', '!../*.test.ts'], { eager: true, import: 'method' });

const order = Object.keys(families);
const inOrder = (a: Method, b: Method) =>
  order.indexOf(a.family) - order.indexOf(b.family) || a.title.localeCompare(b.title, 'en');

const known = Object.values(files).sort(inOrder);

/** By family, then by title. */
export const methods: readonly Method[] = known;

/** Adds a method that stands elsewhere. Throws an `Error` where its id is taken. */
export function registerMethod(method: Method): void {
  if (methodById(method.id)) throw new Error(`there is a method ${method.id} already`);
  known.push(method);
  known.sort(inOrder);
}

export function methodById(id: string): Method | undefined {
  return known.find((method) => method.id === id);
}
