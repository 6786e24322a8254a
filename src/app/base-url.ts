/** The folder this page lies in, ending in `/`, whatever base path it is served under. */
export const baseUrl = () => new URL('./', location.href.replace(/[?#].*$/, '')).href;
