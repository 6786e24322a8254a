/** This project's engine in the contest: the graph's own operations, program and AdamW, as in training. */
import { adapterLabel, Gpu, type AdapterIdentity } from '../../src/gpu/device';
import { DeviceMemory, Executable } from '../../src/graph/executable';
import { differentiate } from '../../src/graph/differentiate';
import { Graph } from '../../src/graph/graph';
import { attention } from '../../src/graph/ops/attention';
import { activation, add } from '../../src/graph/ops/elementwise';
import { layerNorm } from '../../src/graph/ops/layer-norm';
import { linear } from '../../src/graph/ops/linear';
import { loss } from '../../src/graph/ops/loss';
import { selectRows } from '../../src/graph/ops/select';
import { ParameterLayout } from '../../src/graph/parameter-layout';
import { compile } from '../../src/graph/plan';
import type { KernelChoice, Tensor } from '../../src/graph/tensor';
import { AdamW } from '../../src/optim/adamw';
import { learningRate, loraScale, matmulSize, shape, type Contestant, type ContestValues, type Values } from './shapes';

function traceLoss(graph: Graph, { blocks, head }: ContestValues) {
  const { batchSize, length, hidden, heads } = shape;
  const given = new Map<string, Values>();
  const named = (kind: 'weight' | 'parameter', name: string, values: Values): Tensor => {
    given.set(name, values);
    return kind === 'weight' ? graph.weight(name, values.shape) : graph.parameter(name, values.shape);
  };
  const lengths = graph.input('lengths', [batchSize], 'u32');
  let x = graph.input('x', [batchSize * length, hidden]);
  blocks.forEach(({ frozen, lora }, i) => {
    const w = (name: keyof typeof frozen) => named('weight', `${i}.${name}`, frozen[name]);
    const p = (name: keyof typeof lora) => named('parameter', `${i}.${name}`, lora[name]);
    const kn = { layout: 'kn' } as const;
    const plain = (input: Tensor, name: 'q' | 'k' | 'v' | 'o' | 'up' | 'down') =>
      linear(graph, { x: input, weight: w(name), bias: w(`b${name}`) }, kn);
    const adapted = (name: 'q' | 'v') => {
      const u = linear(graph, { x, weight: p(`${name}a`) }, kn);
      return add(graph, plain(x, name), linear(graph, { x: u, weight: p(`${name}b`) }, { ...kn, alpha: loraScale }));
    };
    const context = attention(
      graph,
      { q: adapted('q'), k: plain(x, 'k'), v: adapted('v'), lengths },
      { heads, length },
    );
    x = layerNorm(graph, add(graph, plain(context, 'o'), x), w('gamma1'), w('beta1'), 1e-5);
    x = layerNorm(
      graph,
      add(graph, plain(activation(graph, plain(x, 'up'), 'gelu'), 'down'), x),
      w('gamma2'),
      w('beta2'),
      1e-5,
    );
  });
  const pooled = activation(
    graph,
    linear(
      graph,
      { x: selectRows(graph, x, length), weight: named('parameter', 'dense', head.dense) },
      { layout: 'kn' },
    ),
    'tanh',
  );
  const logits = linear(graph, { x: pooled, weight: named('parameter', 'out', head.out) }, { layout: 'kn' });
  return { scalar: loss(graph, 'crossEntropy', logits, graph.input('labels', [batchSize])), given };
}

export async function ours(
  values: ContestValues,
  choose: (identity: AdapterIdentity) => KernelChoice,
): Promise<Contestant> {
  const gpu = await Gpu.open();
  const memory = new DeviceMemory(gpu);
  const choice = choose(gpu.identity);
  const graph = new Graph();
  const { scalar, given } = traceLoss(graph, values);
  const gradients = differentiate(graph, scalar);
  const layout = ParameterLayout.of(graph.named('parameter'));
  const program = compile(graph, { loss: scalar }, gradients, layout, { choice });
  for (const weight of program.weights) memory.uploadWeight(weight.name, given.get(weight.name)!.data);
  const flat = memory.flatBuffers(layout);
  flat.parameters.write(new Map([...given].map(([name, { data }]) => [name, data])));
  const executable = await Executable.create(memory, program, flat);
  const optimizer = await AdamW.create(memory, layout, flat, () => ({ weightDecay: 0, target: 0 }), {
    weightDecay: 0,
    maxGradNorm: 0,
    gradientAccumulation: 1,
  });

  const product = new Graph();
  const size = matmulSize;
  const y = linear(
    product,
    { x: product.input('a', [size, size]), weight: product.weight('b', [size, size]) },
    { layout: 'kn' },
  );
  const matmulProgram = compile(product, { y }, new Map(), new ParameterLayout(), { choice });
  // An arena of its own, so that the encoder's inputs stay where they are.
  const matmulMemory = new DeviceMemory(gpu);
  matmulMemory.uploadWeight('b', values.b.data);
  const matmul = await Executable.create(matmulMemory, matmulProgram, flat);
  matmul.write('a', values.a.data);

  executable.write('x', values.x.data);
  executable.write('labels', Float32Array.from(values.y));
  executable.write('lengths', new Uint32Array(shape.batchSize).fill(shape.length));
  return {
    name: 'HUT Playground',
    device: adapterLabel(gpu.identity),
    async step() {
      executable.run(optimizer.update(learningRate));
      return (await executable.read(scalar))[0]!;
    },
    async matmul() {
      matmul.run();
      await gpu.idle();
    },
    matmulRow: async () => (await matmul.read(y)).slice(0, size),
  };
}
