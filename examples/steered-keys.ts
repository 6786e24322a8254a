/**
 * Steered keys: scales the keys of every block, adds a bottleneck to one hidden state of each, to the embedded input and to one bias. A
 * method in one file outside `src` that acts at every place where none there does, so that these are known to work:
 *
 * - `keysValues`: `k ⊙ s`, `s [hiddenSize]` trained, 1 at first;
 * - `hidden`: `x + U·relu(P·x)`, `U` trained, 0 at first; `P [rank, hiddenSize]` is frozen, random, and shared by all blocks;
 * - `embedded`: `x + U·relu(P·x) + t`, with an `U` and a shift `t` of its own;
 * - `weight`: `b + c` for the bias of the last feed-forward layer;
 * - `penalty`: `strength · mean (s - 1)²`, so that keys are scaled only where it helps;
 * - `afterUpdate`: keeps `s` within `limit` of 1, and, in the last third of a run, puts it back to 1 in all but the `budget` blocks whose
 *   `s` had the largest gradients (as AdaLoRA spends a budget of ranks).
 *
 * At step 0 it is the pre-trained model. Since `relu` stands between `U` and `P` it cannot be merged.
 */
import { z } from 'zod';
import type { Graph } from '../src/graph/graph';
import { activation, add, scale } from '../src/graph/ops/elementwise';
import { hutTransform } from '../src/graph/ops/hut';
import { linear } from '../src/graph/ops/linear';
import { loss } from '../src/graph/ops/loss';
import { view } from '../src/graph/ops/storage';
import type { Tensor } from '../src/graph/tensor';
import type { AdaptedModel, Method, TraceContext } from '../src/methods/core/method';
import { normalValues } from '../src/random';

const schema = z.strictObject({
  rank: z.number().int().min(1).max(64).default(8),
  after: z.enum(['attention', 'feedForward', 'block']).default('feedForward'),
  limit: z.number().positive().max(1).default(0.5),
  penalty: z.number().min(0).max(100).default(0.01),
  budget: z.number().int().min(0).max(1000).default(2),
});
export type SteerSettings = z.output<typeof schema>;

const projection = 'steer_projection';
const zeros = (count: number) => new Float32Array(count);

const scales = ({ sites }: AdaptedModel) =>
  sites
    .filter(({ role }) => role === 'key')
    .map(({ name, outFeatures }) => ({ name: `${name}.steer_scale`, outFeatures }));
const bottlenecks = ({ hiddenSites }: AdaptedModel, { after }: SteerSettings) =>
  hiddenSites.filter((site) => site.after === after);
const lastDown = ({ sites }: AdaptedModel) => sites.findLast(({ role }) => role === 'down')!;

/** `U·relu(P·x) + bias`, `[tokens, hiddenSize]`. */
function bottleneck({ graph, own }: TraceContext<SteerSettings>, x: Tensor, up: string, bias?: Tensor): Tensor {
  const inner = activation(graph, linear(graph, { x, weight: own(projection) }), 'relu');
  return linear(graph, { x: inner, weight: own(up), bias });
}

/** Mean of `(s - 1)²`, `[1]`. */
function distance(graph: Graph, s: Tensor): Tensor {
  const [count] = s.shape;
  return loss(graph, 'meanSquaredError', view(graph, s, 0, [count!, 1]), graph.constant(1, [count!]));
}

const python = `
def load_adapter(model, file):
    """Steers a model by hooks; only what the adapter trained trains."""
    model.requires_grad_(False)
    tensors = {key.removeprefix("base_model.model."): value for key, value in load_file(file).items()}
    projection = tensors.pop("steer_projection")
    own = {name: torch.nn.Parameter(value) for name, value in tensors.items() if ".steer_" in f".{name}"}
    for name, parameter in own.items():
        path, _, last = name.rpartition(".")
        model.get_submodule(path).register_parameter(last, parameter)

    def steer(x, up):
        return torch.relu(x @ projection.T) @ up.T

    for name, parameter in own.items():
        path, _, last = name.rpartition(".")
        if last == "steer_scale":
            hook, module = (lambda _, __, y, s=parameter: y * s), path
        elif last == "steer_bias":
            hook, module = (lambda _, __, y, c=parameter: y + c), path
        elif last == "steer_up" and path:
            # Before the residual connection, or as the state leaves the block.
            hook, module = (lambda _, __, y, u=parameter: y + steer(y, u)), f"{path}.{'dropout' if path.endswith('.output') else 'output'}"
        else:
            continue
        model.get_submodule(module).register_forward_hook(hook)
    model.base_model.embeddings.register_forward_hook(lambda _, __, y: y + steer(y, own["steer_up"]) + own["steer_shift"])
    head = {name: value for name, value in tensors.items() if name not in own}
    unknown = model.load_state_dict(head, strict=False).unexpected_keys
    assert not unknown, unknown
    for name, parameter in model.named_parameters():
        if name in head:
            parameter.requires_grad_(True)
    return model
`;

export const method: Method<SteerSettings> = {
  id: 'steer',
  title: 'Steered keys',
  family: 'adapter',
  summary: 'Scales the keys of every block and adds small bottlenecks that share one frozen random projection.',
  citation: { title: 'None: a method made for the tests of this project' },
  schema,
  words: {
    limit: { label: 'Limit', help: 'How far a key’s scale may go from 1.' },
    budget: { label: 'Budget', help: 'Blocks whose keys stay scaled at the end.' },
  },

  tensors(model, settings) {
    const { rank } = settings;
    const d = model.hiddenSize;
    const last = lastDown(model);
    const up = { shape: [d, rank], decayTarget: 0, initial: () => zeros(d * rank) };
    return {
      trained: [
        { name: 'steer_up', ...up },
        { name: 'steer_shift', shape: [d], decayTarget: 0, initial: () => zeros(d) },
        ...scales(model).map(({ name, outFeatures }) => ({
          name,
          shape: [outFeatures],
          decayTarget: 1,
          initial: () => zeros(outFeatures).fill(1),
        })),
        ...bottlenecks(model, settings).map(({ name }) => ({ name: `${name}.steer_up`, ...up })),
        {
          name: `${last.name}.steer_bias`,
          shape: [last.outFeatures],
          decayTarget: 0,
          initial: () => zeros(last.outFeatures),
        },
      ],
      frozen: [
        {
          name: projection,
          shape: [rank, d],
          initial: (seed) => normalValues(rank * d, 1 / Math.sqrt(d), seed, projection),
        },
      ],
    };
  },

  hooks(context) {
    const { graph, settings, model, own } = context;
    const keyScales = scales(model);
    const last = lastDown(model).name;
    return {
      embedded: (x) => add(graph, x, bottleneck(context, x, 'steer_up', own('steer_shift'))),
      keysValues: (layer, { keys, values }) => ({
        keys: hutTransform(graph, keys, { rowScale: own(keyScales[layer]!.name) }, 'nk'),
        values,
      }),
      hidden: (site, x) =>
        site.after === settings.after ? add(graph, x, bottleneck(context, x, `${site.name}.steer_up`)) : x,
      weight: (name, tensor) => (name === `${last}.bias` ? add(graph, tensor, own(`${last}.steer_bias`)) : tensor),
    };
  },

  penalty({ graph, settings, model, own }) {
    const each = scales(model).map(({ name }) => distance(graph, own(name)));
    return scale(
      graph,
      each.reduce((sum, one) => add(graph, sum, one)),
      settings.penalty / each.length,
    );
  },

  async afterUpdate({ settings: { limit, budget }, model, step, totalSteps, kept, read, gradient, write }) {
    const names = scales(model).map(({ name }) => name);
    const importance = new Map<string, number>();
    for (const name of names) {
      const size = (await gradient(name)).reduce((sum, value) => sum + Math.abs(value), 0);
      const average = 0.85 * (kept.get(name)?.[0] ?? 0) + 0.15 * size;
      kept.set(name, Float32Array.of(average));
      importance.set(name, average);
    }
    const spending = step > (2 / 3) * totalSteps;
    const staying = names.toSorted((a, b) => importance.get(b)! - importance.get(a)!).slice(0, budget);
    for (const name of names) {
      const pruned = spending && !staying.includes(name);
      write(
        name,
        (await read(name)).map((value) => (pruned ? 1 : Math.min(1 + limit, Math.max(1 - limit, value)))),
      );
    }
  },

  adapter: {
    peftType: 'STEER',
    inPeft: false,
    config: ({ rank, ...settings }) => ({ r: rank, ...settings }),
    settings({ config: { r: rank, after, limit, penalty, budget }, tensors, refuse }) {
      const found = tensors.get(projection)?.shape[0];
      if (found === undefined) return refuse(`holds no ${projection}`);
      if (rank !== found) return refuse(`says rank ${String(rank)}, but its projection has rank ${found}`);
      const checked = schema.safeParse({ rank, after, limit, penalty, budget });
      return checked.success
        ? checked.data
        : refuse(`has settings that do not work: ${z.prettifyError(checked.error)}`);
    },
  },
  python: { code: python, imports: ['from safetensors.torch import load_file, save_file'] },
};
