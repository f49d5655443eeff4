import { createInterface } from 'node:readline/promises';

interface Streams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Asks whoever sits at the terminal; an answer of `null`: nothing more comes. There Ctrl-C is a key and no signal, so
 * `interrupt` has to be told. The streams are taken at the first question: standard input that Node has opened cannot be
 * read as a file any more.
 */
export function askTerminal(
  streams: () => Streams,
  interrupted: AbortSignal,
  interrupt: () => void,
): (question: string) => Promise<string | null> {
  let left = false;
  return async (question) => {
    // A terminal is still there after Ctrl-D; whoever pressed it wants no more questions.
    if (left || interrupted.aborted) return null;
    const { input, output } = streams();
    const lines = createInterface({ input, output });
    lines.once('SIGINT', interrupt);
    const closed = new Promise<null>((resolve) => {
      lines.once('close', () => resolve(null));
    });
    try {
      const answer = await Promise.race([lines.question(question, { signal: interrupted }), closed]);
      left = answer === null;
      if (left) output.write('\n');
      return answer;
    } catch (error) {
      if (!interrupted.aborted) throw error;
      return null;
    } finally {
      lines.close();
    }
  };
}
