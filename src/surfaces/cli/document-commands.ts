import type { Command } from 'commander';
import { ERRORS, type ErrorCode, fail, ok, type Result, type SerinError } from '../../core/model/errors.ts';
import { didYouMean } from '../../core/model/suggest.ts';
import type { AppliedList } from '../api/schemas.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { readSources } from './files.ts';
import { table } from './render.ts';

/** `serin apply`, `get` and `delete` */
export function documentCommands(program: Command, context: CommandContext, run: Run): void {
  const { cli, terminal, client, json, failed } = context;
  program
    .command('apply')
    .description('apply documents: all of them or none')
    .requiredOption('-f, --file <path...>', 'files, folders, or - for standard input')
    .option('--dry-run', 'check everything, change nothing')
    .option('--retry', 'also start revisions of plans that were tried and sent back')
    .action((options: { file: string[]; dryRun?: boolean; retry?: boolean }) =>
      run(async () => {
        const sources = readSources(options.file, cli.readStdin);
        if (sources.kind === 'error') return failed(sources.errors);
        const applied = await client().apply(sources.value, options.dryRun === true, options.retry === true);
        if (applied.kind === 'error') return failed(applied.errors);
        if (json()) terminal.json(applied.value);
        else
          for (const document of applied.value.documents)
            terminal.out(`${appliedLine(document)}${options.dryRun === true ? ' (dry run)' : ''}`);
        const refused = refusedOf(applied.value);
        return refused.length === 0 ? EXIT.done : failed(refused);
      })(),
    );
  program
    .command('get')
    .description('list documents, or show one as it was written')
    .argument('[kind]', 'Route, Backend, Plan or Strategy')
    .argument('[name]')
    .action((kind: string | undefined, name: string | undefined) => run(() => get(context, kind, name))());
  program
    .command('delete')
    .description('delete a document that nothing uses')
    .argument('<kind>', 'Route, Backend, Plan or Strategy')
    .argument('<name>')
    .action((kind: string, name: string) =>
      run(async () => {
        const known = kindOf(kind);
        if (known.kind === 'error') return failed(known.errors);
        const removed = await client().remove(known.value, name);
        if (removed.kind === 'error') return failed(removed.errors);
        if (json()) terminal.json(removed.value);
        else terminal.out(`${known.value} ${name} deleted`);
        return EXIT.done;
      })(),
    );
}

type Applied = AppliedList['documents'][number];

function appliedLine({ kind, name, action, revision }: Applied): string {
  const done = `${kind} ${name} ${action}`;
  return revision === undefined || revision.outcome === 'refused' ? done : `${done}; ${revision.message}`;
}

/** The documents are applied; what was asked for beside that was not done. */
function refusedOf({ documents }: AppliedList): readonly SerinError[] {
  return documents.flatMap(({ name, revision }): SerinError[] => {
    if (revision === undefined || revision.error === null) return [];
    const { code, hint } = revision.error;
    const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'SERIN_INTERNAL';
    return [{ code: known, message: `Plan ${name}: ${revision.message}`, hint }];
  });
}

async function get(
  { terminal, client, json, failed }: CommandContext,
  kind: string | undefined,
  name: string | undefined,
): Promise<number> {
  const known = kind === undefined ? ok(null) : kindOf(kind);
  if (known.kind === 'error') return failed(known.errors);
  if (known.value !== null && name !== undefined) {
    const one = await client().document(known.value, name);
    if (one.kind === 'error') return failed(one.errors);
    if (json()) terminal.json(one.value);
    else for (const line of one.value.source.trimEnd().split(/\r?\n/)) terminal.out(line);
    return EXIT.done;
  }
  const all = await client().documents(known.value);
  if (all.kind === 'error') return failed(all.errors);
  if (json()) terminal.json(all.value);
  else
    for (const line of table([
      ['KIND', 'NAME', 'REV'],
      ...all.value.documents.map((d) => [d.kind, d.name, String(d.rev)]),
    ]))
      terminal.out(line);
  return EXIT.done;
}

const KINDS = ['Route', 'Backend', 'Plan', 'Strategy'] as const;

/** `plan`, `plans` and `Plan` all mean the kind Plan. */
function kindOf(word: string): Result<string> {
  const singular = word.toLowerCase().replace(/s$/, '').replace(/ie$/, 'y');
  const kind = KINDS.find((known) => known.toLowerCase() === singular);
  if (kind !== undefined) return ok(kind);
  const known = `Known: ${KINDS.join(', ')}.`;
  return fail('SERIN_REQUEST_INVALID', `there is no kind "${word.slice(0, 80)}".${didYouMean(word, KINDS)}`, {
    hint: known,
  });
}
