/** Which browser this is, and what switches WebGPU on in it. */
export interface Advice {
  readonly browser: string;
  readonly steps: readonly string[];
}

const drivers = 'Update the graphics driver, and see that hardware acceleration is on in the browser’s settings.';

/** @param secure WebGPU exists in secure contexts only: https, or localhost */
export function browserAdvice(userAgent: string, secure: boolean): Advice {
  const insecure = secure
    ? []
    : ['Open this page over https or from localhost: browsers hide WebGPU from other addresses.'];
  const linux = /Linux(?!.*Android)/.test(userAgent) && !/Android/.test(userAgent);
  const version = (name: string) => Number(new RegExp(`${name}/(\\d+)`).exec(userAgent)?.[1] ?? 0);
  const chromium = (browser: string, scheme: string): Advice => ({
    browser,
    steps: [
      ...insecure,
      ...(version('Chrome') < 113 ? [`Update ${browser}: WebGPU is on from version 113.`] : []),
      ...(linux
        ? [
            `Open ${scheme}://flags/#enable-unsafe-webgpu and ${scheme}://flags/#enable-vulkan, enable both, and start ${browser} again.`,
          ]
        : []),
      `Look at ${scheme}://gpu: “WebGPU” must not say “Disabled”.`,
      drivers,
    ],
  });
  if (/Firefox\//.test(userAgent))
    return {
      browser: `Firefox ${version('Firefox')}`,
      steps: [
        ...insecure,
        ...(version('Firefox') < 141
          ? ['Update Firefox: WebGPU is on under Windows from version 141 and on Macs from 145.']
          : []),
        'Open about:config and set dom.webgpu.enabled to true.',
        ...(linux ? ['Under Linux, use Firefox Nightly or Chrome.'] : []),
        drivers,
      ],
    };
  if (/Edg\//.test(userAgent)) return chromium(`Edge ${version('Edg')}`, 'edge');
  if (/Chrome\//.test(userAgent)) return chromium(`Chrome ${version('Chrome')}`, 'chrome');
  if (/Safari\//.test(userAgent))
    return {
      browser: `Safari ${version('Version')}`,
      steps: [
        ...insecure,
        'Update to Safari 26 (macOS 26, iOS 26), where WebGPU is on.',
        'In Safari 18, open Settings › Feature Flags and enable WebGPU.',
      ],
    };
  return {
    browser: 'a browser this page does not know',
    steps: [...insecure, 'Use a recent Chrome, Edge, Firefox or Safari.'],
  };
}
