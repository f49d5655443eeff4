import type { Command } from 'commander';
import { counted } from '../../core/model/counted.ts';
import type { Result } from '../../core/model/errors.ts';
import { nameSome } from '../../core/model/name-some.ts';
import type { Client } from '../api/client.ts';
import type { EmergencyBody, OpenEmergencyBody } from '../api/emergency-schemas.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT, exitOfErrors } from './exit.ts';

interface Options {
  readonly replica: readonly string[];
  readonly reason?: string;
  readonly force?: boolean;
}

/** `serin emergency …`: asks replicas one by one, since without the store none can speak for another. */
export function emergencyCommands(program: Command, context: CommandContext, run: Run): void {
  const noun = program.command('emergency').description('what one replica can do for its Envoys without the store');
  const command = (name: string, description: string) =>
    noun
      .command(name)
      .description(description)
      .option(
        '--replica <url>',
        'ask this replica instead of the usual engine; may be given several times',
        (url: string, before: readonly string[]) => [...before, url],
        [],
      );
  command('stable', 'without the store: send all requests of a backend to its stable revision')
    .argument('<backend>')
    .option('--reason <text>', 'said in the history once the store is back')
    .option('--force', 'also while the store takes commits: do not wait for it')
    .action((backend: string, { replica, ...given }: Options) =>
      run(() => ask(context, replica, (client) => client.emergencyStable({ backend, ...given }), stableLines))(),
    );
  command('list', 'list what is open on the replicas').action(({ replica }: Options) =>
    run(() =>
      ask(
        context,
        replica,
        (client) => client.emergencies(),
        ({ emergencies }) => ({
          lines: emergencies.length === 0 ? ['none is open'] : emergencies.map(openLine),
          open: false,
        }),
      ),
    )(),
  );
  command('end', 'end one that is held: its rollout was promoted elsewhere')
    .argument('<backend>')
    .action((backend: string, { replica }: Options) =>
      run(() =>
        ask(
          context,
          replica,
          (client) => client.endEmergency(backend),
          () => ({ lines: [`${backend}: ended; its Envoys get what the store says`], open: false }),
        ),
      )(),
    );
}

interface Told {
  readonly lines: readonly string[];
  /** Is there an Envoy that has not confirmed? */
  readonly open: boolean;
}

/** All at once: an Envoy at the last one must not wait for a first one that does not answer. */
async function ask<T extends object>(
  { terminal, json, client, clientAt, failed }: CommandContext,
  replicas: readonly string[],
  call: (client: Client) => Promise<Result<T>>,
  told: (value: T) => Told,
): Promise<number> {
  const asked: readonly (readonly [string | null, Client])[] =
    replicas.length === 0 ? [[null, client()]] : replicas.map((url) => [url, clientAt(url)] as const);
  const answers = await Promise.all(
    asked.map(async ([replica, one]) => ({ replica, result: await call(one) }) as const),
  );
  if (json()) {
    terminal.json({
      replicas: answers.map(({ replica, result }) => ({
        replica,
        ...(result.kind === 'ok' ? { answer: result.value } : { errors: result.errors }),
      })),
    });
  }
  let code: number = EXIT.done;
  for (const { replica, result } of answers) {
    const at = replica === null ? '' : `${replica}: `;
    if (result.kind === 'error') {
      if (replica !== null) terminal.err(`${replica} did not do it:`);
      const its = failed(result.errors);
      if (code === EXIT.done || code === EXIT.timedOut)
        code = its === EXIT.interrupted ? its : exitOfErrors(result.errors);
      continue;
    }
    const { lines, open } = told(result.value);
    if (!json()) for (const line of lines) terminal.out(`${at}${line}`);
    if (open && code === EXIT.done) code = EXIT.timedOut;
  }
  return code;
}

function stableLines(one: EmergencyBody): Told {
  const { fleets } = one;
  const lines = [openLine(one)];
  for (const { fleet, confirmed, unconfirmed, elsewhere } of fleets) {
    lines.push(`fleet ${fleet}: ${counted(confirmed.count, 'Envoy')} confirmed`);
    if (unconfirmed.count > 0) lines.push(`fleet ${fleet}: not confirmed by ${nameSome(unconfirmed.names)}`);
    if (elsewhere.count > 0) {
      lines.push(`fleet ${fleet}: not connected here, ask the other replicas: ${nameSome(elsewhere.names)}`);
    }
  }
  return { lines, open: fleets.some(({ unconfirmed }) => unconfirmed.count > 0) };
}

function openLine({ backend, cluster, by, at, notDurableBecause, held }: OpenEmergencyBody): string {
  const lost = notDurableBecause === null ? '' : `; NOT DURABLE, a restart forgets it: ${notDurableBecause}`;
  const stays = held === null ? '' : `; held: ${held}`;
  return `${backend}: all requests go to ${cluster} (by ${by}, ${at})${lost}${stays}`;
}
