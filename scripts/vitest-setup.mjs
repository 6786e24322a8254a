import { findSwiftShader, installBrowser, useSoftwareDriverIfNone } from './browser.mjs';

/** The engine's tests need a Vulkan driver: a GPU's own, or the SwiftShader that comes with Chromium. */
export default function setup() {
  useSoftwareDriverIfNone();
  if (process.platform === 'linux' && !process.env.VK_ICD_FILENAMES && !findSwiftShader()) {
    installBrowser();
    useSoftwareDriverIfNone();
  }
}
