/** jax-js in the contest: jit-compiled value-and-gradient, Adam by tree maps. */
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { learningRate, loraScale, shape } from './shapes';

/** @returns {Promise<import('./shapes').Contestant>} */
export async function jax(values) {
  await init('webgpu');
  defaultDevice('webgpu');
  const { batchSize, length, hidden, heads } = shape;
  const array = ({ data, shape: size }) => np.array(data).reshape(size);
  const map = (tensors) => Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, array(value)]));
  const frozen = values.blocks.map((block) => map(block.frozen));
  let trained = { lora: values.blocks.map((block) => map(block.lora)), head: map(values.head) };
  const x = array(values.x);
  const onehot = np
    .array(Float32Array.from([...values.y].flatMap((label) => (label ? [0, 1] : [1, 0]))))
    .reshape([batchSize, 2]);
  const norm = (h, gamma, beta) => nn.standardize(h, -1, { epsilon: 1e-5 }).mul(gamma).add(beta);
  const split = (h) => h.reshape([batchSize, length, heads, hidden / heads]);
  const lossOf = (parameters, weights, input, labels) => {
    let h = input;
    weights.forEach((w, i) => {
      const a = parameters.lora[i];
      const pair = (down, up) => np.matmul(np.matmul(h.ref, down), up).mul(loraScale);
      const q = np.matmul(h.ref, w.q).add(w.bq).add(pair(a.qa, a.qb));
      const k = np.matmul(h.ref, w.k).add(w.bk);
      const v = np.matmul(h.ref, w.v).add(w.bv).add(pair(a.va, a.vb));
      const context = nn.dotProductAttention(split(q), split(k), split(v)).reshape([batchSize, length, hidden]);
      h = norm(np.matmul(context, w.o).add(w.bo).add(h), w.gamma1, w.beta1);
      const up = nn.gelu(np.matmul(h.ref, w.up).add(w.bup), { approximate: false });
      h = norm(np.matmul(up, w.down).add(w.bdown).add(h), w.gamma2, w.beta2);
    });
    const pooled = np.tanh(np.matmul(h.slice([], 0), parameters.head.dense));
    return nn
      .logSoftmax(np.matmul(pooled, parameters.head.out), -1)
      .mul(labels)
      .sum()
      .mul(-1 / batchSize);
  };
  const zeros = () => tree.map((parameter) => np.zeros(parameter.shape), trained);
  let [moment1, moment2] = [zeros(), zeros()];
  const gradient = jit(valueAndGrad(lossOf));
  const first = jit((m, g) => m.mul(0.9).add(g.mul(0.1)));
  const second = jit((v, g) => v.mul(0.999).add(np.square(g).mul(0.001)));
  const update = jit((p, m, v, c1, c2) =>
    p.sub(
      m
        .mul(c1)
        .div(np.sqrt(v.mul(c2)).add(1e-8))
        .mul(learningRate),
    ),
  );
  let steps = 0;
  const [a, b] = [array(values.a), array(values.b)];
  let product;
  return {
    name: 'jax-js',
    device: 'webgpu',
    async step() {
      steps++;
      const [value, gradients] = gradient(tree.ref(trained), tree.ref(frozen), x.ref, onehot.ref);
      const [c1, c2] = [1 / (1 - 0.9 ** steps), 1 / (1 - 0.999 ** steps)];
      moment1 = tree.map((m, g) => first(m, g.ref), moment1, gradients);
      moment2 = tree.map((v, g) => second(v, g), moment2, gradients);
      trained = tree.map((p, m, v) => update(p, m.ref, v.ref, np.array(c1), np.array(c2)), trained, moment1, moment2);
      await blockUntilReady(tree.ref(trained));
      return value.jsAsync();
    },
    async matmul() {
      product?.dispose();
      product = np.matmul(a.ref, b.ref);
      await blockUntilReady(product.ref);
    },
    matmulRow: async () => Float32Array.from(await product.ref.slice(0).jsAsync()),
  };
}
