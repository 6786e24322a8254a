/** The run: where it stands, how it is steered, and what it shows. */
import { Tabs } from '@mantine/core';
import { NoGpu } from '../shell/NoGpu';
import { useApp, type Tab } from '../store';
import { Feature, hasFeature } from '../ui/Feature';
import { RunHeader } from './RunHeader';
import { Welcome } from './Welcome';

const tabs = (
  [
    ['curves', 'Curves'],
    ['compare', 'Compare'],
    ['try-it', 'Try it'],
    ['highlights', 'Highlights'],
    ['take-home', 'Take home'],
    ['history', 'History'],
  ] as const
).filter(([id]) => hasFeature(id));

export function RunPanel() {
  const nothing = useApp(({ run, compared }) => !run && compared.length === 0);
  const tab = useApp((state) => state.tab);
  const setTab = useApp((state) => state.setTab);
  const gpu = useApp((state) => state.gpu);
  return (
    <section className="run" aria-label="Run">
      {gpu.status === 'failed' && <NoGpu error={gpu.error} />}
      <RunHeader />
      <Tabs value={tab} onChange={(value) => setTab(value as Tab)} keepMounted={false} mt="sm">
        <Tabs.List style={{ flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' }}>
          {tabs.map(([id, title]) => (
            <Tabs.Tab key={id} value={id}>
              {title}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(([id]) => (
          <Tabs.Panel key={id} value={id} pt="md">
            {nothing && id !== 'history' ? <Welcome /> : <Feature name={id} />}
          </Tabs.Panel>
        ))}
      </Tabs>
    </section>
  );
}
