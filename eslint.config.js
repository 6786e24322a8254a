// The arrows between the rooms point one way; this file is what keeps them so.
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** What each room may import besides itself and the files beside the rooms, such as `src/errors.ts`. */
const allowed = {
  gpu: [],
  graph: ['gpu'],
  checkpoint: [],
  metrics: [],
  paper: [],
  optim: ['graph', 'gpu'],
  data: ['checkpoint', 'metrics'],
  models: ['graph', 'checkpoint'],
  methods: ['graph', 'models', 'checkpoint'],
  tasks: ['graph', 'models', 'checkpoint', 'data', 'metrics'],
  cost: ['graph', 'optim'],
  check: ['gpu', 'graph', 'optim', 'checkpoint'],
  train: ['gpu', 'graph', 'models', 'methods', 'tasks', 'optim', 'checkpoint', 'data', 'metrics', 'cost'],
  export: ['gpu', 'graph', 'models', 'methods', 'tasks', 'checkpoint', 'train'],
  explain: ['graph', 'models', 'methods', 'tasks', 'checkpoint', 'data', 'train'],
};
allowed.worker = [...Object.keys(allowed).filter((room) => room !== 'paper'), 'export'];

const base = [...Object.keys(allowed), 'app', 'cli'];

const rooms = Object.entries(allowed).map(([room, may]) => ({
  files: [`src/${room}/**/*.ts`],
  ignores: ['**/*.test.ts', '**/*.node.ts'],
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

/** A method is one file, and so is an architecture: each knows the room's core, and none of its like. */
const alone = ['models', 'methods'].map((room) => ({
  files: [`src/${room}/*.ts`],
  ignores: ['**/*.test.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: '^\\./(?!core/)',
            message: `Files of ${room}/ do not know each other; what they share is in ${room}/core.`,
          },
        ],
      },
    ],
  },
}));

const features = ['curves', 'compare', 'history', 'try-it', 'highlights', 'take-home', 'gpu-check', 'method-picture'];

/** The page: features do not know each other, and only the worker computes. */
const page = [
  ...features.map((feature) => ({
    files: [`src/app/features/${feature}/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: features
            .filter((other) => other !== feature)
            .map((other) => ({
              group: [`**/${other}/**`, `**/${other}`],
              message: 'Features do not import each other; what they share stands beside them.',
            })),
        },
      ],
    },
  })),
  {
    files: ['src/app/**'],
    ignores: ['**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['**/cli/**'], message: 'The page and the command line do not know each other.' },
            {
              group: [
                '**/graph/**',
                '**/check/kernels',
                '**/train/run',
                '**/train/prepare',
                '**/train/place',
                '**/train/trainer',
                '**/train/tuned-model',
                '**/export/**',
                '**/worker/!(rpc-errors)',
              ],
              allowTypeImports: true,
              message: 'Only the worker computes; the page talks to it by messages.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['src/app/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks },
    rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' },
  },
];

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
  ...alone,
  ...page,
);
