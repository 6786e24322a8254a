import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../errors';
import { patternValue, targetedModules, type TargetConfig } from './peft-targets';
import { fullMatcher } from './python-pattern';
import { readSafetensors } from './safetensors';

/* PEFT's verdicts, which reference/peft_targets_fixtures.py asked for. */
type Model = 'roberta' | 'bert';
const verdicts = JSON.parse(readFileSync('reference/fixtures/peft-targets.json', 'utf8')) as {
  modules: Record<Model, string[]>;
  targets: { model: Model; config: TargetConfig; adapted: number[] | null }[];
  patterns: { model: Model; pattern: Record<string, number>; ranks: number[] }[];
  matches: { text: string; pattern: string; matches: boolean | null }[];
};
const head = ['classifier'];

describe('folders that PEFT wrote', () => {
  const folders = 'reference/fixtures/peft-folders';
  it.each(readdirSync(folders))('%s holds factors for these modules, of these ranks', (name) => {
    const config = JSON.parse(readFileSync(`${folders}/${name}/adapter_config.json`, 'utf8')) as TargetConfig & {
      r: number;
      rank_pattern: Record<string, number>;
    };
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${folders}/${name}/adapter_model.safetensors`)));
    const rank = (module: string) => tensors.get(`base_model.model.${module}.lora_A.weight`)?.shape[0];
    const model = name.endsWith('roberta') ? 'roberta' : 'bert';
    // The folders' models have two layers.
    const modules = verdicts.modules[model].filter((module) => !/\.layer\.([2-9]|1\d)\./.test(module));
    const targeted = targetedModules(config, modules, head);
    expect(targeted).toEqual(modules.filter((module) => rank(module) !== undefined));
    expect(targeted.map((module) => patternValue(config.rank_pattern, module, config.r))).toEqual(targeted.map(rank));
  });
});

describe('targetedModules', () => {
  it.each(verdicts.targets.map((verdict) => [verdict.model, JSON.stringify(verdict.config), verdict] as const))(
    '%s: %s',
    (model, _, { config, adapted }) => {
      const modules = verdicts.modules[model];
      const found = () => targetedModules(config, modules, head);
      if (adapted) expect(found()).toEqual(adapted.map((index) => modules[index]));
      else expect(found).toThrow(UserError);
    },
  );

  it('takes names as whole segments at the end of a path', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', 'ba');
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'));
    fc.assert(
      fc.property(fc.array(path), fc.array(path), fc.array(path), (modules, targets, excluded) => {
        const endsWith = (module: string, name: string) => {
          const [ofModule, ofName] = [module.split('.'), name.split('.')];
          return ofModule.slice(-ofName.length).join('.') === name;
        };
        expect(targetedModules({ target_modules: targets, exclude_modules: excluded }, modules, [])).toEqual(
          modules.filter(
            (module) =>
              targets.some((name) => endsWith(module, name)) && !excluded.some((name) => endsWith(module, name)),
          ),
        );
      }),
    );
  });

  it.each<[TargetConfig, RegExp]>([
    [{ target_modules: ['query'], modules_to_save: ['pool.*'] }, /modules_to_save names "pool\.\*"/],
    [{ target_modules: ['query'], layers_to_transform: [0], layers_pattern: 'a|b' }, /layers_pattern names "a\|b"/],
    [{ target_modules: '.*query', layers_to_transform: [0] }, /".\*query" and its layers by layers_to_transform/],
    [{ target_modules: ['query'], layers_pattern: 'layer' }, /layers_pattern without layers_to_transform/],
    [{ target_modules: '(query' }, /the pattern "\(query", which has a "\(" without its "\)"; list/],
    [{ target_modules: ['query'], exclude_modules: '[' }, /the pattern "\[", which ends too early/],
  ])('refuses %j', (config, sentence) => {
    expect(() => targetedModules(config, verdicts.modules.bert, head)).toThrow(sentence);
  });
});

describe('patternValue', () => {
  it.each(verdicts.patterns.map((verdict) => [verdict.model, JSON.stringify(verdict.pattern), verdict] as const))(
    '%s: %s',
    (model, _, { pattern, ranks }) => {
      expect(verdicts.modules[model].map((module) => patternValue(pattern, module, 1))).toEqual(ranks);
    },
  );
});

describe('fullMatcher', () => {
  it.each(verdicts.matches)('$pattern', ({ pattern, text, matches }) => {
    if (matches === null) expect(() => fullMatcher(pattern)).toThrow(UserError);
    else expect(fullMatcher(pattern)(text)).toBe(matches);
  });

  it('agrees with JavaScript where both languages write a pattern alike', () => {
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { depthSize: 'medium' },
        fc.constantFrom('a', 'b', '\\.', '.', '[ab]', '[^a]', '\\w', '\\b', '^', '$', ''),
        fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => left + right),
        fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => `(?:${left}|${right})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{2,}', '*?'))
          .map(([body, repetition]) => `(?:${body})${repetition}`),
        fc.tuple(fc.constantFrom('?=', '?!', '?<=', '?<!'), tie('pattern')).map(([kind, body]) => `(${kind}${body})`),
      ),
    }));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 6 });
    fc.assert(
      fc.property(
        pattern.filter((given) => given.length < 60),
        text,
        (given, name) => {
          expect(fullMatcher(given)(name)).toBe(new RegExp(`^(?:${given})$`).test(name));
        },
      ),
      { numRuns: 2000 },
    );
  });

  // A backtracking matcher, Python's and JavaScript's among them, would try some 2^44 ways.
  it.each(['(.+)+x', '((.*)*)*x', '(\\w+\\.?)+!', '(a|.|\\w)*x', '(.?){44}(.?){44}x', '((((.?)*)*)+){9}x'])(
    'comes back from %s',
    (pattern) => {
      expect(fullMatcher(pattern)('roberta.encoder.layer.0.attention.self.query')).toBe(false);
    },
  );

  it.each([
    ['(a)\\1', /refers back to a group/],
    ['(?P<n>a)(?P=n)', /kind of group/],
    ['(a)?(?(1)b|c)', /kind of group/],
    ['(?>a)', /kind of group/],
    ['a*+', /possessive/],
    ['(?x)a', /flag x/],
    ['\\N{DIGIT ONE}', /escape \\N/],
    ['('.repeat(51) + ')'.repeat(51), /nests more than 50/],
    ['a'.repeat(1001), /1001 characters/],
  ])('refuses what it does not read: %s', (pattern, sentence) => {
    expect(() => fullMatcher(pattern)).toThrow(sentence);
  });
});
