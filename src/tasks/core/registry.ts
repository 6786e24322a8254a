/** All tasks there are: every file of `src/tasks` exports its own. */
import type { TaskEntry } from './task';

const files = import.meta.glob<readonly TaskEntry[]>(['../*.ts', '!../*.test.ts'], { eager: true, import: 'tasks' });

/** Headings in the order in which they are listed; others come after them. */
const groups = ['Bundled', 'GLUE', 'Your own'];
const place = ({ group }: TaskEntry) => (groups.includes(group) ? groups.indexOf(group) : groups.length);
const known = Object.values(files)
  .flat()
  .sort((a, b) => place(a) - place(b));

export const tasks: readonly TaskEntry[] = known;

/** Adds a task that stands elsewhere. Throws an `Error` where its id is taken. */
export function registerTask(task: TaskEntry): void {
  if (taskById(task.id)) throw new Error(`there is a task ${task.id} already`);
  known.push(task);
  known.sort((a, b) => place(a) - place(b));
}

export function taskById(id: string): TaskEntry | undefined {
  return known.find((task) => task.id === id);
}
