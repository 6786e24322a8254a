/** One page: a bar, the recipe on the left, the run on the right. On a narrow screen they stack, and the run comes first while there is one. */
import { DropTarget } from './shell/DropTarget';
import { Notices } from './shell/Notices';
import { TopBar } from './shell/TopBar';
import { Recipe } from './setup/Recipe';
import { RunPanel } from './run/RunPanel';
import { useApp } from './store';

export function App() {
  const begun = useApp(({ run }) => run !== undefined);
  return (
    <>
      <TopBar />
      <main className="page" data-run={begun}>
        <Recipe />
        <RunPanel />
      </main>
      <Notices />
      <DropTarget />
    </>
  );
}
