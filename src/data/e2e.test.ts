import { describe, expect, it } from 'vitest';
import { memorySource } from '../checkpoint/source';
import { groupedByMeaning, linearised, readMeanings, slotsOf } from './e2e';

const read = async (text: string, columns?: { meaning: string; reference: string }) =>
  readMeanings(
    await memorySource(new Map([['x.csv', new TextEncoder().encode(text)]]), 'x').open('x.csv'),
    'x.csv',
    columns,
  );

describe('meaning representations', () => {
  it.each([
    [
      'name[Blue Spice], eatType[coffee shop], area[city centre]',
      'name : Blue Spice | eatType : coffee shop | area : city centre',
    ],
    ['name[The Vaults]', 'name : The Vaults'],
    ['customer rating[5 out of 5],near[Café Adriatic]', 'customer rating : 5 out of 5 | near : Café Adriatic'],
    ['priceRange[more than £30], note[a, b]', 'priceRange : more than £30 | note : a, b'],
    // A text of another kind is read as it is.
    ['  Once upon a time ', 'Once upon a time'],
    ['name[The Vaults] and more', 'name[The Vaults] and more'],
    ['name[The [Vaults]]', 'name[The [Vaults]]'],
  ])('%s', (meaning, expected) => expect(linearised(meaning)).toBe(expected));

  it('keep the file’s order, and an empty value', () =>
    expect(slotsOf('b[1], a[]')).toEqual([
      { slot: 'b', value: '1' },
      { slot: 'a', value: '' },
    ]));
});

describe('tables of pairs', () => {
  it('have the challenge’s columns, the hub’s, or those that are named', async () => {
    const rows = [{ meaning: 'name[A]', references: ['A is.'] }];
    expect(await read('mr,ref\nname[A],A is.\n')).toEqual(rows);
    expect(await read('meaning_representation,human_reference\nname[A],A is.\n')).toEqual(rows);
    expect(await read('x,said,means\n0,A is.,name[A]\n', { meaning: 'means', reference: 'said' })).toEqual(rows);
  });

  it('are one row a meaning where texts are compared', () =>
    expect(
      groupedByMeaning([
        { meaning: 'a', references: ['1'] },
        { meaning: 'b', references: ['2'] },
        { meaning: 'a', references: ['3'] },
      ]),
    ).toEqual([
      { meaning: 'a', references: ['1', '3'] },
      { meaning: 'b', references: ['2'] },
    ]));
});
