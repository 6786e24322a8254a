/** TensorFlow.js on its WebGPU back end in the contest. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { learningRate, loraScale, shape } from './shapes';

/** @returns {Promise<import('./shapes').Contestant>} */
export async function tensorflow(values) {
  await tf.setBackend('webgpu');
  await tf.ready();
  const { batchSize, length, hidden, heads } = shape;
  const tensor = ({ data, shape: size }) => tf.tensor(data, size);
  const map = (tensors, make) =>
    Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, make(value)]));
  const variable = (value) => tf.variable(tensor(value));
  const frozen = values.blocks.map((block) => map(block.frozen, tensor));
  const lora = values.blocks.map((block) => map(block.lora, variable));
  const head = map(values.head, variable);
  const x = tensor(values.x).reshape([batchSize * length, hidden]);
  const labels = tf.oneHot(tf.tensor1d(values.y, 'int32'), 2).cast('float32');
  const norm = (h, gamma, beta) => {
    const centred = tf.sub(h, tf.mean(h, -1, true));
    return tf.add(
      tf.mul(tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.mul(centred, centred), -1, true), 1e-5))), gamma),
      beta,
    );
  };
  const split = (h) => tf.transpose(tf.reshape(h, [batchSize, length, heads, hidden / heads]), [0, 2, 1, 3]);
  const lossOf = () => {
    let h = x;
    frozen.forEach((w, i) => {
      const a = lora[i];
      const pair = (down, up) => tf.mul(tf.matMul(tf.matMul(h, down), up), loraScale);
      const q = tf.add(tf.add(tf.matMul(h, w.q), w.bq), pair(a.qa, a.qb));
      const k = tf.add(tf.matMul(h, w.k), w.bk);
      const v = tf.add(tf.add(tf.matMul(h, w.v), w.bv), pair(a.va, a.vb));
      const p = tf.softmax(tf.mul(tf.matMul(split(q), split(k), false, true), 1 / Math.sqrt(hidden / heads)));
      const context = tf.reshape(tf.transpose(tf.matMul(p, split(v)), [0, 2, 1, 3]), [batchSize * length, hidden]);
      h = norm(tf.add(tf.add(tf.matMul(context, w.o), w.bo), h), w.gamma1, w.beta1);
      const up = tf.add(tf.matMul(h, w.up), w.bup);
      const gelu = tf.mul(tf.mul(up, 0.5), tf.add(tf.erf(tf.mul(up, Math.SQRT1_2)), 1));
      h = norm(tf.add(tf.add(tf.matMul(gelu, w.down), w.bdown), h), w.gamma2, w.beta2);
    });
    const first = tf.squeeze(
      tf.slice(tf.reshape(h, [batchSize, length, hidden]), [0, 0, 0], [batchSize, 1, hidden]),
      [1],
    );
    return tf.losses.softmaxCrossEntropy(labels, tf.matMul(tf.tanh(tf.matMul(first, head.dense)), head.out));
  };
  const optimizer = tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
  const variables = [...lora.flatMap((block) => Object.values(block)), ...Object.values(head)];
  const [a, b] = [tensor(values.a), tensor(values.b)];
  let product;
  return {
    name: 'TensorFlow.js',
    device: tf.getBackend(),
    async step() {
      const value = optimizer.minimize(lossOf, true, variables);
      const [loss] = await value.data();
      // The loss is there before the update is: wait for that too.
      await variables[0].data();
      value.dispose();
      return loss;
    },
    async matmul() {
      product?.dispose();
      product = tf.matMul(a, b);
      // TensorFlow.js submits when something is read: one value of the result.
      const corner = tf.slice(product, [0, 0], [1, 1]);
      await corner.data();
      corner.dispose();
    },
    matmulRow: async () => Float32Array.from(await tf.slice(product, [0, 0], [1, product.shape[1]]).data()),
  };
}
