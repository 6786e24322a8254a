/** Layers that architectures share. */
import { layerNorm } from '../../graph/ops/layer-norm';
import { matrixShape, type Tensor } from '../../graph/tensor';
import type { Scope } from './model';

/** A layer norm with its `<name>.weight` and `<name>.bias`. @param x `[tokens, width]` */
export function tracedNorm(scope: Scope, x: Tensor, name: string, epsilon: number): Tensor {
  const [, width] = matrixShape(x);
  const [weight, bias] = [scope.weight(`${name}.weight`, [width]), scope.weight(`${name}.bias`, [width])];
  return layerNorm(scope.graph, x, weight, bias, epsilon);
}
