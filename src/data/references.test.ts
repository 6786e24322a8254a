import { describe, expect, it } from 'vitest';
import { bytesFile } from '../checkpoint/source';
import { readOutputs, readReferences, type ReferenceExample } from './references';

const file = (text: string) => bytesFile(new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>);
const references = (text: string, label = 'refs.csv') => readReferences(file(text), label);
const outputs = (text: string, label: string, examples: readonly ReferenceExample[]) =>
  readOutputs(file(text), label, examples);

const csv = '"mr","ref"\n"name[A], food[B]","First, of A."\nname[C],Of C.\n"name[A], food[B]","Second of A."\n';
const named: ReferenceExample[] = [
  { meaningRepresentation: 'name[A], food[B]', references: ['First, of A.', 'Second of A.'] },
  { meaningRepresentation: 'name[C]', references: ['Of C.'] },
];
const unnamed: ReferenceExample[] = named.map((example) => ({ references: example.references }));

describe('references', () => {
  it('of equal meaning representations are one example', async () => {
    expect(await references(csv)).toEqual(named);
  });
  it('as text are separated by blank lines', async () => {
    const text = '\uFEFFFirst, of A.\r\nSecond of A.\r\n\r\n\r\nOf C.\r\n\r\n';
    expect(await references(text, 'refs.txt')).toEqual(unnamed);
  });
  it.each([
    ['refs.csv', 'mr,text\na,b\n', /refs\.csv has no column "ref"; its columns are "mr", "text"\./],
    ['refs.csv', 'mr,ref\na,b\n,c\n', /refs\.csv, row 2 has an empty mr/],
    ['refs.csv', 'mr,ref\na,\n', /refs\.csv, row 1 has an empty ref/],
    ['refs.csv', 'mr,ref\n', /refs\.csv holds no examples/],
    ['refs.txt', ' \n\n', /refs\.txt holds no examples/],
  ])('are refused: %s %j', async (label, text, message) => {
    await expect(references(text, label)).rejects.toThrow(message);
  });
});

describe('outputs', () => {
  it('of a table are put into the order of the references', async () => {
    expect(await outputs('MR\toutput\nname[C]\tc\n"name[A], food[B]"\ta\n', 'out.tsv', named)).toEqual(['a', 'c']);
    expect(await outputs('MR\toutput\nx\ta\ny\t\n', 'out.tsv', unnamed)).toEqual(['a', '']);
  });
  it('of a text are a line each, empty ones too', async () => {
    expect(await outputs('a\n\n', 'out.txt', named)).toEqual(['a', '']);
    expect(await outputs('a\r\nc', 'out.txt', unnamed)).toEqual(['a', 'c']);
  });
  it.each([
    ['out.txt', 'a\n', /out\.txt has 1 outputs where the references have 2 examples/],
    ['out.txt', '', /out\.txt holds no examples/],
    ['out.tsv', 'MR\ttext\nname[C]\tc\n', /out\.tsv has no column "output"/],
    ['out.tsv', 'MR\toutput\nname[D]\td\n', /row 1: the meaning representation "name\[D\]" has no references/],
    ['out.tsv', 'MR\toutput\nname[C]\tc\nname[C]\td\n', /row 2: .* has an output above already/],
    [
      'out.tsv',
      'MR\toutput\nname[C]\tc\n',
      /no output for 1 of 2 meaning representations, the first of them "name\[A\]/,
    ],
  ])('are refused: %s %j', async (label, text, message) => {
    await expect(outputs(text, label, named)).rejects.toThrow(message);
  });
});
