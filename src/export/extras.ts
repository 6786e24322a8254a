/** What travels with exported weights: the model card, a script that goes on in Python, the run's results and its recipe. */
import { continueScript } from './continue-script';
import type { ExportInfo } from './info';
import { modelCard } from './model-card';

/** Everything that goes beside the weights, by file name. */
export function exportExtras(info: ExportInfo): Map<string, string> {
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return new Map([
    ['README.md', modelCard(info)],
    ['continue.py', continueScript(info)],
    ['results.json', json(info.results)],
    ['recipe.json', json(info.results.recipe)],
  ]);
}
