// The arrows between the rooms point one way; this file is what keeps them so.
import tseslint from 'typescript-eslint';

const base = [
  'gpu',
  'graph',
  'models',
  'peft',
  'optim',
  'checkpoint',
  'data',
  'metrics',
  'cost',
  'train',
  'generate',
  'explain',
  'app',
  'cli',
];

/** What each room may import besides itself and `src/errors.ts`. */
const allowed = {
  gpu: [],
  graph: ['gpu'],
  checkpoint: [],
  metrics: [],
  optim: ['graph', 'gpu'],
  data: ['checkpoint', 'metrics'],
  models: ['graph', 'checkpoint'],
  peft: ['graph', 'models', 'checkpoint'],
  cost: ['graph', 'models', 'peft', 'optim'],
  train: ['gpu', 'graph', 'models', 'peft', 'optim', 'checkpoint', 'data', 'metrics', 'cost'],
};

const rooms = Object.entries(allowed).map(([room, may]) => ({
  files: [`src/${room}/**/*.ts`],
  ignores: ['**/*.test.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: base
          .filter((other) => other !== room && !may.includes(other))
          .map((other) => ({ group: [`**/${other}/**`], message: `${room}/ must not import from ${other}/.` })),
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist', 'out', 'node_modules', 'public', 'reference'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  { files: ['src/cli/**', 'scripts/**', 'e2e/**', 'bench/**'], rules: { 'no-console': 'off' } },
  ...rooms,
);
