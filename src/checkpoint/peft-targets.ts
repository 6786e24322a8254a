/**
 * Which modules a PEFT config adapts, and with which rank and alpha: PEFT's own rules, of version 0.21.
 *
 * Names are module paths as in the model's state dict, without PEFT's `base_model.model.` and without `.weight`, such as
 * `roberta.encoder.layer.0.attention.self.query`.
 */
import { UserError } from '../errors';
import { fullMatcher } from './python-pattern';

/** The fields of `adapter_config.json` that select modules. */
export interface TargetConfig {
  /** Names (a module's path, or the end of it after a dot), one regular expression, or `all-linear`. */
  readonly target_modules: string | readonly string[];
  /** Never adapted: names, as above, or one regular expression. */
  readonly exclude_modules?: string | readonly string[] | null | undefined;
  /** Only layers of these indices; for `target_modules` that are names. */
  readonly layers_to_transform?: number | readonly number[] | null | undefined;
  /** The name of the list that the layer index follows, such as `layer`; the first list in the path if not given. */
  readonly layers_pattern?: string | readonly string[] | null | undefined;
  /** Trained in full, so never adapted. */
  readonly modules_to_save?: readonly string[] | null | undefined;
  readonly task_type?: string | null | undefined;
}

/** Tasks whose head PEFT adds to `modules_to_save` (`peft_model.py`, `PeftModelFor…`). */
const tasksWithHead: unknown[] = ['SEQ_CLS', 'TOKEN_CLS', 'QUESTION_ANS'];

/** What a name in `modules_to_save` and `layers_pattern` is made of, which PEFT pastes into regular expressions. */
const plainName = /^\w+(\.\w+)*$/;

/**
 * The modules among `modules` that PEFT adapts, in their order; none where nothing matches, which PEFT refuses.
 *
 * Source: peft 0.21, `tuners/tuners_utils.py`: `check_target_module_exists`, `_maybe_include_all_linear_layers`; what may
 * stand together: `tuners/lora/config.py`, `LoraConfig.__post_init__`.
 *
 * @param modules paths of the model's linear layers, its head's included, a language model's output embedding not
 * @param headModules paths of the task's head, such as `classifier`; these train in full where the config's `task_type` has a head
 * @throws UserError `adapter/pattern`, `adapter/unsupported`
 */
export function targetedModules(
  config: TargetConfig,
  modules: readonly string[],
  headModules: readonly string[],
): string[] {
  const saved = [...(config.modules_to_save ?? []), ...(tasksWithHead.includes(config.task_type) ? headModules : [])];
  for (const name of saved) requirePlainName('modules_to_save', name);
  const isExcluded = config.exclude_modules?.length ? matcher(config.exclude_modules) : () => false;
  const isTarget = targetMatcher(config);
  return modules.filter(
    (module) => !isExcluded(module) && !saved.some((name) => liesIn(module, name)) && isTarget(module),
  );
}

/**
 * The value of the first pattern that matches the end of a module's path (or all of it), `fallback` if none does: how
 * `rank_pattern` and `alpha_pattern` are read. A key is a regular expression; a plain name matches whole segments.
 *
 * Source: peft 0.21, `utils/other.py`: `get_pattern_key`.
 *
 * @throws UserError `adapter/pattern`
 */
export function patternValue(pattern: Readonly<Record<string, number>>, module: string, fallback: number): number {
  for (const [key, value] of Object.entries(pattern)) if (fullMatcher(`(.*\\.)?(${key})$`)(module)) return value;
  return fallback;
}

function targetMatcher(config: TargetConfig): (module: string) => boolean {
  const { target_modules: targets } = config;
  const indices = config.layers_to_transform ?? undefined;
  const lists = config.layers_pattern ?? undefined;
  if (typeof targets === 'string') {
    if (indices !== undefined || lists !== undefined)
      throw new UserError(
        'adapter/unsupported',
        `The adapter selects target_modules by "${shortened(targets)}" and its layers by ${indices === undefined ? 'layers_pattern' : 'layers_to_transform'}, which PEFT refuses together; name the layers in target_modules.`,
      );
    return targets.toLowerCase() === 'all-linear' ? () => true : matcher(targets);
  }
  if (indices === undefined && lists?.length)
    throw new UserError(
      'adapter/unsupported',
      'The adapter has layers_pattern without layers_to_transform, which PEFT refuses; say which layers it means.',
    );
  const isNamed = matcher(targets);
  const wanted = typeof indices === 'number' ? [indices] : (indices ?? []);
  if (wanted.length === 0) return isNamed;
  const index = layerIndex(typeof lists === 'string' ? [lists].filter(Boolean) : (lists ?? []));
  // A full path says its layer itself.
  return (module) => targets.includes(module) || (isNamed(module) && wanted.includes(index(module)));
}

/** Names or one regular expression. */
function matcher(targets: string | readonly string[]): (module: string) => boolean {
  if (typeof targets === 'string') return fullMatcher(targets);
  return (module) => targets.some((target) => module === target || module.endsWith(`.${target}`));
}

/** Reads the number of a module's layer, NaN where it has none: the first number in the path, or the first behind a list of one of these names. */
function layerIndex(lists: readonly string[]): (module: string) => number {
  for (const name of lists) requirePlainName('layers_pattern', name);
  const patterns = lists.length
    ? lists.map((name) => new RegExp(`(?:^|^.*?\\.)${name}\\.(\\d+)\\.`))
    : [/^.*?\.[^.]*\.(\d+)\./];
  return (module) => {
    const found = patterns.map((pattern) => pattern.exec(module)).find((match) => match !== null);
    return found ? Number(found[1]) : NaN;
  };
}

/** Whether `name` is one or several whole segments of the path: the module itself, or one it lies in. */
function liesIn(module: string, name: string): boolean {
  return `.${module}.`.includes(`.${name}.`);
}

function requirePlainName(field: string, name: string): void {
  if (!plainName.test(name))
    throw new UserError(
      'adapter/unsupported',
      `The adapter's ${field} names "${shortened(name)}", which is no plain module name; write the name itself.`,
    );
}

const shortened = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
