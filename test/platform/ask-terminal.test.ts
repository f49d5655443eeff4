import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { askTerminal } from '../../src/platform/ask-terminal.ts';

function terminal() {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  const interruption = new AbortController();
  const ask = askTerminal(
    () => ({ input, output }),
    interruption.signal,
    () => interruption.abort(),
  );
  return { input, output, interruption, ask };
}

it('has no answer when somebody leaves by Ctrl-D, and asks nothing more', async () => {
  const { ask, input, output } = terminal();
  const answer = ask('Name? ');
  input.write('\u0004');
  expect([await answer, await ask('Colour? ')]).toEqual([null, null]);
  expect(String(output.read())).not.toContain('Colour');
});

it('has no answer after an interruption, and asks nothing more', async () => {
  const { ask, output, interruption } = terminal();
  const answer = ask('Name? ');
  interruption.abort();
  expect([await answer, await ask('Colour? ')]).toEqual([null, null]);
  expect(String(output.read())).not.toContain('Colour');
});

it('takes Ctrl-C for an interruption: to the terminal it is a key', async () => {
  const { ask, input, interruption } = terminal();
  const answer = ask('Name? ');
  input.write('\u0003');
  expect([await answer, interruption.signal.aborted]).toEqual([null, true]);
});

it('takes one line for each question', async () => {
  const { ask, input, output } = terminal();
  const name = ask('Name? ');
  input.write('shop\n');
  expect(await name).toBe('shop');
  const colour = ask('Colour? ');
  input.write('\n');
  expect(await colour).toBe('');
  expect(String(output.read())).toMatch(/Name\?.*Colour\?/s);
});
