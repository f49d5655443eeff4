import type { Command } from 'commander';
import type { FleetBody } from '../api/schemas.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { fleetLines } from './render.ts';

/** `serin fleet …` */
export function fleetCommands(program: Command, context: CommandContext, run: Run): void {
  program
    .command('fleet')
    .description('what the Envoys run')
    .command('get')
    .description('show the Envoys of all fleets, or of one')
    .argument('[name]')
    .action((name: string | undefined) => run(() => fleet(context, name))());
}

async function fleet({ terminal, client, json, failed }: CommandContext, name: string | undefined): Promise<number> {
  const names = name === undefined ? await client().fleets() : { kind: 'ok' as const, value: { fleets: [name] } };
  if (names.kind === 'error') return failed(names.errors);
  const states: FleetBody[] = [];
  for (const one of names.value.fleets) {
    const state = await client().fleet(one);
    if (state.kind === 'error') return failed(state.errors);
    states.push(state.value);
  }
  if (json()) terminal.json(name === undefined ? { fleets: states } : states[0]);
  else for (const state of states) for (const line of fleetLines(state, terminal.paint)) terminal.out(line);
  return EXIT.done;
}
