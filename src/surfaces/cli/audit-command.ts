import type { Command } from 'commander';
import { ok, type Result } from '../../core/model/errors.ts';
import type { Client } from '../api/client.ts';
import type { AuditPage } from '../api/schemas.ts';
import { type CommandContext, durationOption, type Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { table } from './render.ts';

type Entries = AuditPage['entries'];

/** `serin audit` */
export function auditCommand(program: Command, context: CommandContext, run: Run): void {
  const { client, terminal, json, failed } = context;
  program
    .command('audit')
    .description('list who did what, when, and what came of it')
    .option('--since <duration>', 'only the last of it, as 24h')
    .action((options: { since?: string }) =>
      run(async () => {
        const since = durationOption(options.since);
        if (since.kind === 'error') return failed(since.errors);
        const read = await everything(client(), since.value);
        if (read.kind === 'error') return failed(read.errors);
        if (json()) terminal.json({ entries: read.value, cursor: null });
        else for (const line of auditLines(read.value)) terminal.out(line);
        return EXIT.done;
      })(),
    );
}

async function everything(client: Client, sinceMs: number | null): Promise<Result<Entries>> {
  const entries: Entries = [];
  const since = sinceMs === null ? {} : { since: new Date(Date.now() - sinceMs).toISOString() };
  let cursor: string | null = null;
  do {
    const page: Result<AuditPage> = await client.audit({
      limit: '1000',
      ...since,
      ...(cursor === null ? {} : { after: cursor }),
    });
    if (page.kind === 'error') return page;
    entries.push(...page.value.entries);
    cursor = page.value.cursor;
  } while (cursor !== null);
  return ok(entries);
}

/** A line per command: the answer, or that none came. */
function auditLines(entries: Entries): readonly string[] {
  const answered = new Set(entries.flatMap(({ id, stage }) => (stage === 'answered' ? [id] : [])));
  const shown = entries.filter(({ id, stage }) => stage === 'answered' || !answered.has(id));
  if (shown.length === 0) return ['nothing was done'];
  return table([
    ['AT', 'BY', 'COMMAND', 'TARGET', 'RESULT', 'DETAIL'],
    ...shown.map(({ at, by, command, target, result, detail }) => [
      ...[at, by, command, target, result ?? 'no answer'],
      detail.replace(/\s+/g, ' ').trim(),
    ]),
  ]);
}
