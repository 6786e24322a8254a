import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { expectCase } from '../check/expect-case.node';
import { project } from '../check/experiment';
import { differentiate } from './differentiate';
import { Graph } from './graph';
import { linear } from './ops/linear';
import { multiply } from './ops/multiply';
import { firstColumns } from './ops/select';
import { inverseRowNorm } from './ops/row-norm';

/* Operations of methods that multiply a weight, its rows or its cells. */

const device = testDevice();

describe('multiply', () => {
  it('two trained matrices', () =>
    expectCase(device.memory, (g) => multiply(g, g.parameter('a', [7, 5]), g.parameter('b', [7, 5]))));
  it('by a frozen weight, and by itself', () =>
    expectCase(device.memory, (g) => {
      const a = g.parameter('a', [20, 12]);
      return multiply(g, multiply(g, a, a), g.weight('w', [20, 12]));
    }));
});

describe('firstColumns', () => {
  it('of a frozen weight', async () => {
    await expectCase(device.memory, (g) =>
      linear(g, { x: g.parameter('x', [6, 5]), weight: firstColumns(g, g.weight('w', [4, 9]), 5) }),
    );
  });
});

describe('inverseRowNorm', () => {
  it.each([
    [5, 8, 2],
    [12, 70, 3],
  ])('of a frozen weight and a product, %i rows of %i', async (rows, inner, rank) => {
    await expectCase(device.memory, (g) => {
      const given = {
        weight: g.weight('w', [rows, inner]),
        a: g.input('a', [rank, inner]),
        b: g.input('b', [rows, rank]),
      };
      const columnScale = multiply(g, g.parameter('m', [rows]), inverseRowNorm(g, given, 0.7));
      return linear(g, { x: g.parameter('x', [6, inner]), weight: given.weight, columnScale });
    });
  });
  it('is a constant to the backward pass', () => {
    const graph = new Graph();
    const given = {
      weight: graph.weight('w', [4, 8]),
      a: graph.parameter('a', [2, 8]),
      b: graph.parameter('b', [4, 2]),
    };
    const columnScale = multiply(graph, graph.parameter('m', [4]), inverseRowNorm(graph, given, 1));
    const y = linear(graph, { x: graph.input('x', [3, 8]), weight: given.weight, columnScale });
    expect([...differentiate(graph, project(graph, y)).keys()].map(({ name }) => name)).toEqual(['m']);
  });
});
