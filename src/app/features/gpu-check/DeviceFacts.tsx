/** The adapter by its own words: name, features, and the limits that decide what fits. */
import { Text } from '@mantine/core';
import { bytes, grouped } from '../../format';
import type { GpuReport } from '../../../worker/protocol';

const limits: readonly { name: string; title: string; format: (value: number) => string }[] = [
  { name: 'maxBufferSize', title: 'Largest buffer', format: bytes },
  { name: 'maxStorageBufferBindingSize', title: 'Largest binding', format: bytes },
  { name: 'maxComputeWorkgroupStorageSize', title: 'Workgroup memory', format: bytes },
  { name: 'maxComputeInvocationsPerWorkgroup', title: 'Threads a workgroup', format: grouped },
  { name: 'maxComputeWorkgroupsPerDimension', title: 'Workgroups a dimension', format: grouped },
  { name: 'maxStorageBuffersPerShaderStage', title: 'Buffers a kernel', format: grouped },
];

export function DeviceFacts({ report }: { report: GpuReport }) {
  const { label, identity, features } = report;
  const names = [identity.vendor, identity.architecture, identity.device, identity.description].filter(Boolean);
  return (
    <section aria-label="Adapter">
      <Text fw={600} c={identity.software ? 'var(--amber)' : undefined} style={{ overflowWrap: 'anywhere' }}>
        {label}
      </Text>
      <Text size="xs" c="var(--quiet)" mb={8} style={{ overflowWrap: 'anywhere' }}>
        {names.length ? `${names.join(', ')}.` : 'The browser does not name it.'}
        {identity.software && ' A software adapter: the CPU does the work of a GPU, correctly but slowly.'}
      </Text>
      <dl className="facts" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(150px, 1fr))' }}>
        {limits.map(({ name, title, format }) =>
          report.limits[name] === undefined ? null : (
            <div key={name}>
              <dt>{title}</dt>
              <dd>{format(report.limits[name])}</dd>
            </div>
          ),
        )}
        <div>
          <dt>Features used</dt>
          <dd style={{ whiteSpace: 'normal' }}>{features.join(', ') || 'none'}</dd>
        </div>
      </dl>
    </section>
  );
}
