/**
 * Runs `work` with a signal that fires after `ms`, or with `ends`. A timer of our own: on Node 20 a signal of
 * `AbortSignal.timeout` that only `AbortSignal.any` holds is garbage, and collected it never fires.
 */
export async function withDeadline<T>(
  ms: number,
  ends: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const end = () => controller.abort(ends?.reason);
  const timer = setTimeout(() => controller.abort(new DOMException('timed out', 'TimeoutError')), ms);
  if (ends?.aborted) end();
  ends?.addEventListener('abort', end);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    ends?.removeEventListener('abort', end);
  }
}
