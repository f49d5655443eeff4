import type { Command } from 'commander';
import { fail, ok, type Result, type SerinError } from '../../core/model/errors.ts';
import { didYouMean } from '../../core/model/suggest.ts';
import type { Client } from '../api/client.ts';
import type { FleetBody, NodeBody, NodeDiffBody } from '../api/fleet-schemas.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { diffLines, fleetNotes, fleetTable, nodeLines, nodeTable } from './render-fleet.ts';

const PAGE = '500';

interface FleetOption {
  readonly fleet?: string;
}

/** `serin fleet …` */
export function fleetCommands(program: Command, context: CommandContext, run: Run): void {
  const { terminal, client, json } = context;
  const { paint } = terminal;
  const noun = program.command('fleet').description('what the Envoys run');
  const show = async <T>(asked: Promise<Result<T>>, print: (value: T) => readonly string[]): Promise<number> => {
    const result = await asked;
    if (result.kind === 'error') return context.failed(result.errors);
    if (json()) terminal.json(result.value);
    else for (const line of print(result.value)) terminal.out(line);
    return EXIT.done;
  };
  noun
    .command('list')
    .description('list the fleets: revision, Envoys by state, coverage of metrics')
    .action(() => run(() => show(client().fleets(), ({ fleets }) => fleetTable(fleets, paint)))());
  noun
    .command('nodes')
    .description('list the Envoys')
    .option('--fleet <name>', 'of this fleet only')
    .option('--behind', 'only those that are connected and not at the newest revision')
    .action(({ fleet, behind = false }: FleetOption & { behind?: boolean }) =>
      run(() =>
        show(listNodes(client(), fleet ?? null, behind), ({ nodes, fleets }) => [
          ...(nodes.length > 0 ? nodeTable(nodes, Date.now(), paint) : [nobody(behind)]),
          ...fleets.flatMap((one) => fleetNotes(one, paint)),
        ]),
      )(),
    );
  noun
    .command('node')
    .description('show one Envoy: what it was sent, took and refused')
    .argument('<id>')
    .option('--fleet <name>', 'where two fleets have one of this id')
    .action((id: string, { fleet }: FleetOption) =>
      run(() => show(findNode(client(), id, fleet ?? null), (node) => nodeLines(node, Date.now(), paint)))(),
    );
  noun
    .command('diff')
    .description('show what an Envoy runs against what the records say')
    .argument('<node>')
    .option('--fleet <name>', 'where two fleets have one of this id')
    .action((id: string, { fleet }: FleetOption) =>
      run(() => show(diff(client(), id, fleet ?? null), (one) => diffLines(one, paint)))(),
    );
}

function nobody(behind: boolean): string {
  return behind ? 'every connected Envoy is at the newest revision' : 'no Envoy has connected';
}

/** The fleets of the engine, or the one that is meant. */
async function fleetsOf(client: Client, wanted: string | null): Promise<Result<readonly FleetBody[]>> {
  const all = await client.fleets();
  if (all.kind === 'error' || wanted === null) return all.kind === 'error' ? all : ok(all.value.fleets);
  const chosen = all.value.fleets.filter(({ fleet }) => fleet === wanted);
  if (chosen.length > 0) return ok(chosen);
  const names = all.value.fleets.map(({ fleet }) => fleet);
  return fail('SERIN_NOT_FOUND', `there is no fleet ${wanted}.${didYouMean(wanted, names)}`, {
    hint: 'List them with `serin fleet list`.',
  });
}

async function listNodes(
  client: Client,
  wanted: string | null,
  behind: boolean,
): Promise<Result<{ readonly nodes: readonly NodeBody[]; readonly fleets: readonly FleetBody[] }>> {
  const fleets = await fleetsOf(client, wanted);
  if (fleets.kind === 'error') return fleets;
  const nodes: NodeBody[] = [];
  for (const { fleet } of fleets.value) {
    let cursor: string | null = null;
    do {
      const query = {
        limit: PAGE,
        ...(behind ? { state: 'behind' } : {}),
        ...(cursor === null ? {} : { after: cursor }),
      };
      const page: Awaited<ReturnType<Client['nodes']>> = await client.nodes(fleet, query);
      if (page.kind === 'error') return page;
      nodes.push(...page.value.nodes);
      cursor = page.value.cursor;
    } while (cursor !== null);
  }
  return ok({ nodes, fleets: fleets.value });
}

/** Who names no fleet means the only one that has such an Envoy. */
async function findNode(client: Client, id: string, wanted: string | null): Promise<Result<NodeBody>> {
  const fleets = await fleetsOf(client, wanted);
  if (fleets.kind === 'error') return fleets;
  const found: NodeBody[] = [];
  const missing: SerinError[] = [];
  for (const { fleet } of fleets.value) {
    const node = await client.node(fleet, id);
    if (node.kind === 'ok') found.push(node.value);
    else if (node.errors[0]?.code !== 'SERIN_NOT_FOUND') return node;
    else missing.push(...node.errors);
  }
  const [first, second] = found;
  if (first !== undefined && second === undefined) return ok(first);
  if (first !== undefined) {
    const message = `fleets ${found.map(({ fleet }) => fleet).join(', ')} have an Envoy ${id}`;
    return fail('SERIN_REQUEST_INVALID', message, { hint: 'Say which one with --fleet.' });
  }
  // Of several fleets the one that knows a name like it.
  const near = missing.find(({ message }) => message.includes('Did you mean')) ?? missing[0];
  return near === undefined ? fail('SERIN_NOT_FOUND', `there is no Envoy ${id}`) : { kind: 'error', errors: [near] };
}

async function diff(client: Client, id: string, wanted: string | null): Promise<Result<NodeDiffBody>> {
  const node = await findNode(client, id, wanted);
  return node.kind === 'error' ? node : client.nodeDiff(node.value.fleet, id);
}
