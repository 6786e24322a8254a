/** What each setting is called and does, a sentence each. A setting of one method only is found under `method.setting` first. */
export interface SettingWords {
  readonly label: string;
  readonly help?: string;
}

const words: Readonly<Record<string, SettingWords>> = {
  rank: { label: 'Rank', help: 'Width of the trained factors.' },
  'lora.rank': { label: 'Rank', help: 'Width of A and B: the rank of what is added to each weight.' },
  'hut.rank': {
    label: 'Rank',
    help: 'The gradients of all columns are the same vector, so rank changes the step size only, not what can be learnt.',
  },
  alpha: { label: 'Alpha', help: 'The added product is scaled by alpha / rank.' },
  dropout: { label: 'Dropout', help: 'Share of the method’s input that is dropped in training.' },
  targetModules: { label: 'Targets', help: 'Which linear layers of every block are adapted.' },
  form: {
    label: 'Form',
    help: 'Fused scales inputs and outputs; materialised builds the weight each step, as the paper writes it. Same result.',
  },
};

/** A setting's words; one that nobody described is called by its name: `someSetting` → `Some setting`. */
export function settingWords(method: string, setting: string): SettingWords {
  const spaced = setting.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words[`${method}.${setting}`] ?? words[setting] ?? { label: spaced[0]!.toUpperCase() + spaced.slice(1) };
}
