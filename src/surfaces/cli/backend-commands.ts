import type { Command } from 'commander';
import type { EndpointsBody } from '../api/endpoints-schemas.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { table } from './render.ts';

interface SetOptions {
  readonly revision: string;
  readonly none?: boolean;
  readonly rev?: string;
  readonly force?: boolean;
}

/** `serin backend endpoints`: hosts that the API tells. */
export function backendCommands(program: Command, context: CommandContext, run: Run): void {
  const endpoints = program
    .command('backend')
    .description('backends whose hosts the API tells')
    .command('endpoints')
    .description('hosts of a revision, which may change at any time');
  endpoints
    .command('set')
    .description('tell the hosts of a revision, all of them')
    .argument('<backend>')
    .argument('[ip:port...]')
    .requiredOption('-r, --revision <name>', 'name of the revision; it need not have been rolled out yet')
    .option('--none', 'it has no hosts any more')
    .option('--rev <number>', 'only if they are still as you have seen them')
    .option('--force', 'also none for a revision that has requests')
    .action((backend: string, addresses: string[], options: SetOptions) =>
      run(() => set(context, backend, addresses, options))(),
    );
  endpoints
    .command('get')
    .description('what a backend was told of its hosts')
    .argument('<backend>')
    .action((backend: string) =>
      run(async () => {
        const read = await context.client().endpoints(backend);
        if (read.kind === 'error') return context.failed(read.errors);
        return shown(context, read.value);
      })(),
    );
}

async function set(
  context: CommandContext,
  backend: string,
  addresses: readonly string[],
  { revision, none = false, rev, force = false }: SetOptions,
): Promise<number> {
  const refused = (message: string, hint: string) => context.failed([{ code: 'SERIN_REQUEST_INVALID', message, hint }]);
  if (addresses.length === 0 && !none) {
    return refused('no endpoint is given', 'Write ip:port, one after the other; --none takes them all away.');
  }
  if (addresses.length > 0 && none) return refused('--none has no endpoints beside it', 'Leave out one of the two.');
  if (rev !== undefined && !/^\d{1,15}$/.test(rev)) {
    return refused(`--rev ${rev} is no whole number`, 'Give the rev that serin backend endpoints get has shown.');
  }
  const done = await context.client().setEndpoints(backend, {
    revision,
    endpoints: addresses.flatMap((one) => one.split(',').map((part) => part.trim())),
    ...(rev === undefined ? {} : { rev: Number(rev) }),
    ...(force ? { force } : {}),
  });
  if (done.kind === 'error') return context.failed(done.errors);
  return shown(context, done.value);
}

function shown({ terminal, json }: CommandContext, body: EndpointsBody): number {
  if (json()) terminal.json(body);
  else {
    terminal.out(`${body.backend}, rev ${body.rev}`);
    const rows = body.revisions.map(({ revision, role, endpoints, by }) => [
      ...[revision, role, endpoints.join(' ') || 'none', by ?? ''],
    ]);
    for (const line of table([['REVISION', 'ROLE', 'ENDPOINTS', 'BY'], ...rows])) terminal.out(line);
  }
  if (body.warning !== null) terminal.err(`warning: ${body.warning}`);
  return EXIT.done;
}
