/** What the run costs, and Train. */
import { Button, Text } from '@mantine/core';
import { big, bytes, duration, grouped } from '../format';
import { estimatedSeconds } from '../speed';
import { isBusy, useApp } from '../store';
import { train } from '../train';
import { useSetUp } from './setup-store';
import { Verdict } from './Verdict';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

export function Foot() {
  const { plan, planError } = useSetUp();
  const gpu = useApp((state) => state.gpu);
  const problem = useApp((state) => state.problem);
  const busy = useApp(isBusy);
  // A run that has given its results has also told how fast this adapter is.
  useApp(({ run }) => run?.results);
  const adapter = gpu.status === 'ready' ? gpu.report.identity : undefined;
  const seconds = plan && estimatedSeconds(plan, adapter);
  const trouble = problem ?? planError;
  const blocked = trouble !== undefined || gpu.status === 'failed' || plan?.verdict === 'too-large';
  return (
    <div className="recipe-foot">
      <dl className="facts" style={{ gridTemplateColumns: 'repeat(3, minmax(0, 1fr))' }}>
        <Fact name="Trained" value={plan && big(sum(plan.methods.map(({ cost }) => cost.trainableParameters)))} />
        <Fact name="FLOPs a step" value={plan && big(sum(plan.methods.map(({ cost }) => cost.step.flops)))} />
        <div>
          <dt>Memory</dt>
          <dd style={{ display: 'flex', gap: 6, alignItems: 'baseline' }}>
            {plan ? bytes(plan.peakBytes) : '–'}
            {plan && plan.verdict !== 'fits' && <Verdict verdict={plan.verdict} reason={plan.verdictReason} />}
          </dd>
        </div>
        <Fact
          name="Steps"
          value={plan?.totalSteps ? `${grouped(plan.totalSteps)} × ${plan.methods.length}` : undefined}
        />
        <Fact
          name="FLOPs in all"
          value={
            plan?.totalSteps ? big(plan.totalSteps * sum(plan.methods.map(({ cost }) => cost.step.flops))) : undefined
          }
        />
        <Fact name="Time" value={seconds ? `≈ ${duration(seconds)}` : plan?.totalSteps ? 'after 1st run' : undefined} />
      </dl>
      <Button
        fullWidth
        mt="sm"
        onClick={() => void train()}
        disabled={busy || blocked}
        loading={gpu.status === 'opening'}
      >
        {busy ? 'Training…' : 'Train'}
      </Button>
      {(trouble ?? (plan?.verdict === 'too-large' ? { message: plan.verdictReason } : undefined)) && (
        <Text size="xs" c="var(--mantine-color-error)" mt={6} style={{ overflowWrap: 'anywhere' }} role="alert">
          {trouble?.message ?? plan?.verdictReason}
        </Text>
      )}
    </div>
  );
}

function Fact({ name, value }: { name: string; value: string | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value ?? '–'}</dd>
    </div>
  );
}
