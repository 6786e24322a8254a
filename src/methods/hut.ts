/**
 * HUT, Hadamard Updated Transformation (arXiv 2409.13501, Eq. 8-10).
 *
 *     W_new = (M_A·1/r) ⊙ W0 ⊙ (1·M_B/r),   h = γ ⊙ (x·W_new) + b + β
 *
 * with `M_A [in, r]`, `M_B [r, out]`, `γ`, `β` `[out]` trained, `W0` and its bias `b` frozen. With the means over the rank, `m_A` and
 * `m_B`, this is `W_new = diag(m_A) W0 diag(γ ⊙ m_B)`:
 *
 * - `fused` (default): `h = ((x ⊙ m_A)·W0) ⊙ (γ ⊙ m_B) + b + β`. No weight is materialised; forward and backward cost what the frozen
 *   layer costs, plus O(N(d + k)).
 * - `materialised`: Eq. 10 literally; the weight is transformed every step and its full gradient is computed.
 *
 * The paper does not state initial values. We start at the identity (M_A = M_B = γ = 1, β = 0), so step 0 is the pre-trained model.
 * M_A and M_B multiply, so weight decay pulls them towards 1; γ and β are one-dimensional and do not decay.
 *
 * The gradient of every column of M_A is the same vector (and of every row of M_B): with equal initial columns the r columns
 * stay equal, and the rank changes the step size, not the function class.
 */
import { z } from 'zod';
import { hutFactors, hutTransform } from '../graph/ops/hut';
import { linear } from '../graph/ops/linear';
import type { LinearSite } from '../models/core/model';
import type { Drawing } from './core/drawing';
import type { Method } from './core/method';
import { mergeLayers, peftTargets, targetedNames, targetedSites, targetModules, targetsOf } from './core/targets';

const schema = z.strictObject({
  rank: z.number().int().min(1).max(256).default(8),
  targetModules,
  form: z.enum(['fused', 'materialised']).default('fused'),
});
export type HutSettings = z.output<typeof schema>;

const ones = (count: number) => new Float32Array(count).fill(1);

const tensorsOf = ({ name, inFeatures: d, outFeatures: k }: LinearSite, rank: number) => [
  { name: `${name}.hut_A`, shape: [d, rank], decayTarget: 1, initial: () => ones(d * rank) },
  { name: `${name}.hut_B`, shape: [rank, k], decayTarget: 1, initial: () => ones(rank * k) },
  { name: `${name}.hut_gamma`, shape: [k], decayTarget: 0, initial: () => ones(k) },
  { name: `${name}.hut_beta`, shape: [k], decayTarget: 0, initial: () => new Float32Array(k) },
];

const mean = (of: Float32Array, start: number, stride: number, count: number) => {
  let sum = 0;
  for (let r = 0; r < count; r++) sum += of[start + r * stride]!;
  return sum / count;
};

/** `diag(m_A) W0 diag(γ m_B)`, and β beside the bias. */
const drawing: Drawing<HutSettings> = {
  words: ({ model, settings, site }) =>
    targetedNames(model, settings.targetModules).has(site.name)
      ? 'Every row of the weight is multiplied by its m_A and every column by its γ m_B; β is added to the outputs.'
      : 'This weight is none of those that HUT was told to scale, so it stays as it is.',
  factors({ model, settings, site, own }) {
    if (!targetedNames(model, settings.targetModules).has(site.name)) return [];
    const { rank } = settings;
    const { inFeatures: d, outFeatures: k } = site;
    const [a, b, gamma, beta] = [own('hut_A'), own('hut_B'), own('hut_gamma'), own('hut_beta')];
    const ofWeight = { of: 'weight', lines: 1, neutral: 1 } as const;
    return [
      {
        ...{ name: 'm_A', along: 'inputs', ...ofWeight },
        values: Float32Array.from({ length: d }, (_, i) => mean(a, i * rank, 1, rank)),
      },
      {
        ...{ name: 'γ m_B', along: 'outputs', ...ofWeight },
        values: Float32Array.from({ length: k }, (_, o) => gamma[o]! * mean(b, o, k, rank)),
      },
      { name: 'β', along: 'outputs', of: 'bias', lines: 1, values: beta, neutral: 0 },
    ];
  },
  weight(before, factors) {
    const [rows, columns] = [factors[0]!.values, factors[1]!.values];
    return before.map((value, at) => value * rows[at % rows.length]! * columns[Math.floor(at / rows.length)]!);
  },
};

const python = `
class Factors(torch.nn.Module):
    """h = gamma * (x W_new) + b + beta, W_new = diag(mean M_A) W0 diag(mean M_B) (arXiv 2409.13501, Eq. 8-10); W0 [in, out] and b frozen."""

    def __init__(self, tensors):
        super().__init__()
        for name, value in tensors.items():
            self.register_parameter(name, torch.nn.Parameter(value))

    def adapted(self, x, weight, bias):
        return (x * self.hut_A.mean(1)) @ weight * (self.hut_gamma * self.hut_B.mean(0)) + bias + self.hut_beta


def columns(layer):
    """A layer's weight as [in, out]: a Linear keeps it the other way round, GPT-2's Conv1D so."""
    return layer.weight.T if isinstance(layer, torch.nn.Linear) else layer.weight


class Hut(Factors):
    def __init__(self, layer, tensors):
        super().__init__(tensors)
        self.layer = layer.requires_grad_(False)

    def forward(self, x):
        return self.adapted(x, columns(self.layer), self.layer.bias)


class HutParts(torch.nn.Module):
    """GPT-2's c_attn, whose query, key and value lie side by side; some of them are adapted."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer.requires_grad_(False)

    def forward(self, x):
        weights, biases = columns(self.layer).chunk(3, 1), self.layer.bias.chunk(3)
        parts = [getattr(self, name, None) for name in ("query", "key", "value")]
        return torch.cat([p.adapted(x, w, b) if p else x @ w + b for p, w, b in zip(parts, weights, biases)], -1)


def load_adapter(model, file):
    """Wraps the adapted layers, loads what was trained in full (the head), and freezes the rest."""
    model.requires_grad_(False)
    layers, full = {}, {}
    for key, value in load_file(file).items():
        module, _, name = key.removeprefix("base_model.model.").rpartition(".")
        if name.startswith("hut_"):
            layers.setdefault(module, {})[name] = value
        else:
            full[f"{module}.{name}"] = value
    for path, tensors in layers.items():
        parent, _, name = path.rpartition(".")
        if name not in ("query", "key", "value") or hasattr(model.get_submodule(parent), name):
            setattr(model.get_submodule(parent), name, Hut(model.get_submodule(path), tensors))
            continue
        above, _, whole = parent.rpartition(".")
        if not isinstance(model.get_submodule(parent), HutParts):
            setattr(model.get_submodule(above), whole, HutParts(model.get_submodule(parent)))
        model.get_submodule(parent).add_module(name, Factors(tensors))
    unknown = model.load_state_dict(full, strict=False).unexpected_keys
    assert not unknown, unknown
    for name, parameter in model.named_parameters():
        if name in full:
            parameter.requires_grad_(True)
    return model
`;

export const method: Method<HutSettings> = {
  id: 'hut',
  title: 'HUT',
  family: 'scaling',
  summary: 'Scales the rows and columns of each chosen weight by trained factors, and its output by γ and β.',
  citation: {
    title: 'HUT: A More Computation Efficient Fine-Tuning Method With Hadamard Updated Transformation',
    url: 'https://arxiv.org/abs/2409.13501',
  },
  schema,
  words: {
    rank: {
      label: 'Rank',
      help: 'The gradients of all columns are the same vector, so rank changes the step size only, not what can be learnt.',
    },
    form: {
      label: 'Form',
      help: 'Fused scales inputs and outputs; materialised builds the weight each step, as the paper writes it. Same result.',
    },
  },

  tensors: (model, { rank, targetModules: targets }) => ({
    trained: targetedSites(model, targets).flatMap((site) => tensorsOf(site, rank)),
  }),

  hooks({ graph, settings, model, own }) {
    const adapted = targetedNames(model, settings.targetModules);
    return {
      linear({ site, x, weight, bias }) {
        if (!adapted.has(site.name)) return undefined;
        const part = (suffix: string) => own(`${site.name}.${suffix}`);
        const factors = hutFactors(graph, {
          a: part('hut_A'),
          b: part('hut_B'),
          gamma: part('hut_gamma'),
          beta: part('hut_beta'),
          bias,
        });
        if (settings.form === 'materialised')
          return linear(graph, { x, weight: hutTransform(graph, weight, factors, 'nk'), bias: factors.shift });
        const { rowScale, columnScale, shift } = factors;
        return linear(graph, { x, weight, rowScale, columnScale, bias: shift });
      },
    };
  },

  merge: (context) =>
    mergeLayers(context, ({ inFeatures, outFeatures }, layer, own) => {
      const { rank } = context.settings;
      const [a, b, gamma, beta] = [own('hut_A'), own('hut_B'), own('hut_gamma'), own('hut_beta')];
      const rowScale = Float64Array.from({ length: inFeatures }, (_, i) => mean(a, i * rank, 1, rank));
      const weight = new Float32Array(inFeatures * outFeatures);
      for (let o = 0; o < outFeatures; o++) {
        const scale = gamma[o]! * mean(b, o, outFeatures, rank);
        for (let i = 0; i < inFeatures; i++)
          weight[o * inFeatures + i] = layer.weight[o * inFeatures + i]! * rowScale[i]! * scale;
      }
      return { weight, bias: layer.bias.map((value, o) => value + beta[o]!) };
    }),

  drawing,

  adapter: {
    peftType: 'HUT',
    inPeft: false,
    config: ({ rank, targetModules: targets }, model) => ({
      r: rank,
      target_modules: peftTargets(model, targetedSites(model, targets)),
    }),
    settings({ config, tensors, model, refuse }) {
      const adapted = model.linearLayers.filter(({ name }) => tensors.has(`${name}.hut_A`));
      if (adapted.length === 0) return refuse('holds no HUT factors');
      const rank = tensors.get(`${adapted[0]!.name}.hut_A`)!.shape[1]!;
      if (config['r'] !== rank) return refuse(`says rank ${String(config['r'])}, but its factors have rank ${rank}`);
      return { rank, targetModules: targetsOf(model, adapted) };
    },
  },
  python: { code: python, imports: ['from safetensors.torch import load_file, save_file'] },

  /** Eq. 11. */
  paperFlops: (model, { rank, targetModules: targets }) =>
    targetedSites(model, targets).reduce(
      (total, { inFeatures: d, outFeatures: k }) => total + 4 * d * k + rank * d + rank * k,
      0,
    ),
};
