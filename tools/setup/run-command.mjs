import { spawn } from 'node:child_process';

/**
 * Whether a command ended well. A stop ends the command, too: npm goes on installing after a terminal's Ctrl-C, and
 * the next try would find it at work in the same folder. Rejects when it was asked to stop.
 */
export async function runCommand(command, args, { stop, timeout, cwd }) {
  stop.throwIfAborted();
  const child = spawn(command, args, { stdio: ['ignore', 2, 2], timeout, killSignal: 'SIGKILL', signal: stop, cwd });
  const status = await new Promise((resolve) => {
    // An abort and a command that is not there are both told by 'error'; only what was started exits.
    child.once('error', () => {
      if (child.pid === undefined) resolve(null);
    });
    child.once('exit', resolve);
  });
  stop.throwIfAborted();
  return status === 0;
}
