/** A feature under `features/`, loaded when it is first shown. */
import { Center, Loader } from '@mantine/core';
import { lazy, memo, Suspense, type ComponentType, type LazyExoticComponent } from 'react';

const modules = import.meta.glob<{ default: ComponentType }>('../features/*/index.tsx');
const features = new Map<string, LazyExoticComponent<ComponentType>>(
  Object.entries(modules).map(([path, load]) => [path.split('/').at(-2)!, lazy(load)]),
);

export const hasFeature = (name: string) => features.has(name);

export const Feature = memo(function Feature({ name }: { name: string }) {
  const Content = features.get(name);
  if (!Content) return null;
  return (
    <Suspense
      fallback={
        <Center h={240}>
          <Loader size="sm" aria-label="Loading" />
        </Center>
      }
    >
      <Content />
    </Suspense>
  );
});
