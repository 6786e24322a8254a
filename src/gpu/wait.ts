/**
 * Waiting for the device without taking a core from it.
 *
 * A browser wakes us when work is done. Dawn under Node looks for it in every turn of the event loop, as fast as turns go; where the
 * adapter is software, that is a core less to compute on. So between turns the thread sleeps, for a sixteenth of the time waited so
 * far: a short wait stays short, a long one costs next to nothing.
 */
const polls = typeof process !== 'undefined' && Boolean(process.versions?.node);
const longestSleep = 2;

let waiting = 0;
let since = 0;
let dozing = false;

async function doze(): Promise<void> {
  dozing = true;
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (waiting > 0) {
    await new Promise((resume) => setImmediate(resume));
    if (waiting > 0) Atomics.wait(never, 0, 0, Math.min(longestSleep, (performance.now() - since) / 16));
  }
  dozing = false;
}

/** What the device promised (work done, a buffer mapped, a pipeline compiled); rejects as it does. */
export async function finished<T>(promised: Promise<T>): Promise<T> {
  if (!polls) return promised;
  waiting++;
  since = performance.now();
  if (!dozing) void doze();
  try {
    return await promised;
  } finally {
    waiting--;
  }
}
