/** What settings that several methods share are called and do, a sentence each; a method's own words are in its file. */
export interface SettingWords {
  readonly label: string;
  readonly help?: string;
}

const words: Readonly<Record<string, SettingWords>> = {
  rank: { label: 'Rank', help: 'Width of the trained factors.' },
  dropout: { label: 'Dropout', help: 'Share of the method’s input that is dropped in training.' },
  targetModules: { label: 'Targets', help: 'Which linear layers of every block are adapted.' },
};

/** A setting's words; one that nobody described is called by its name: `someSetting` → `Some setting`. */
export function settingWords(setting: string): SettingWords {
  const spaced = setting.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words[setting] ?? { label: spaced[0]!.toUpperCase() + spaced.slice(1) };
}
