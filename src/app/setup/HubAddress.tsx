import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { setEndpoint, useSetUp } from './setup-store';

/** The hub's address, for mirrors and offline copies. Kept in this browser; no recipe can change it. */
export function HubAddress() {
  const endpoint = useSetUp((state) => state.endpoint);
  const [text, setText] = useState(endpoint);
  const valid = URL.canParse(text) && /^https?:/.test(text);
  return (
    <TextInput
      size="xs"
      label="Hub address"
      description="Where models and data sets come from; a mirror with the hub’s layout will do."
      value={text}
      error={valid || text === '' ? undefined : `Not an address; write it like ${__HUB_ENDPOINT__}.`}
      onChange={({ currentTarget }) => setText(currentTarget.value)}
      onBlur={() => {
        if (valid || text === '') setEndpoint(text);
        setText(useSetUp.getState().endpoint);
      }}
    />
  );
}
