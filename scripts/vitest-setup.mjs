import { findSwiftShader, installBrowser, softwareDriverEnvironment } from './browser.mjs';

/** The engine's tests need a Vulkan driver: a GPU's own, or the SwiftShader that comes with Chromium. Workers inherit the environment. */
export default function setup() {
  if (process.platform === 'linux' && !process.env.VK_ICD_FILENAMES && !findSwiftShader()) installBrowser();
  Object.assign(process.env, softwareDriverEnvironment());
}
