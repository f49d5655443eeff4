import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { documentName } from '../../core/manifest/fields.ts';
import { parseDocuments } from '../../core/manifest/parse-documents.ts';
import { fleetName, hostname as hostnameGrammar } from '../../core/manifest/route-grammar.ts';
import { SCHEMA_FILE, starterFile } from '../../core/manifest/starter/starter-file.ts';
import { StrategyGrammar } from '../../core/manifest/strategy-grammar.ts';
import type { StrategyDocument } from '../../core/model/documents.ts';
import { fail, ok, type Result } from '../../core/model/errors.ts';
import { didYouMean } from '../../core/model/suggest.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT } from './exit.ts';

export interface InitOptions {
  readonly backend?: string;
  readonly strategy?: string;
  readonly fleet?: string;
  readonly hostname?: string;
  readonly out?: string;
  readonly force?: boolean;
}

/** `serin plan init`: a first file of one's own. */
export async function initPlan(context: CommandContext, options: InitOptions): Promise<number> {
  const { cli, failed } = context;
  const shipped = cli.strategies().shipped;
  const asked = questions(shipped, options);
  const backend = await answer(context, asked.backend, 'shop');
  if (backend.kind === 'error') return failed(backend.errors);
  const out = options.out ?? `${backend.value}.yaml`;
  // Before anybody has answered the rest for nothing.
  if (out !== '-' && options.force !== true && existsSync(out)) return failed(inTheWay(out).errors);
  const strategy = await answer(context, asked.strategy, 'canary');
  if (strategy.kind === 'error') return failed(strategy.errors);
  const fleet = await answer(context, asked.fleet, 'edge');
  if (fleet.kind === 'error') return failed(fleet.errors);
  const hostname = await answer(context, asked.hostname, `${backend.value}.example.com`);
  if (hostname.kind === 'error') return failed(hostname.errors);
  // Whoever leaves in the middle gets no file.
  if (cli.interrupted.aborted) return failed([]);
  const spec = StrategyGrammar.parse(shipped.find(({ name }) => name === strategy.value)?.spec);
  const text = starterFile({
    backend: backend.value,
    fleet: fleet.value,
    hostname: hostname.value,
    strategy: { name: strategy.value, spec },
  });
  return write(context, { text, out, force: options.force === true });
}

interface Question {
  readonly flag: string;
  readonly given: string | undefined;
  readonly text: string;
  /** What is wrong with an answer; `null`: nothing. */
  readonly problem: (value: string) => { readonly message: string; readonly hint: string } | null;
}

function questions(
  shipped: readonly StrategyDocument[],
  options: InitOptions,
): Readonly<Record<'backend' | 'strategy' | 'fleet' | 'hostname', Question>> {
  const names = shipped.map(({ name }) => name);
  const known = names.join(', ');
  const fits = (flag: string, grammar: z.ZodType) => (value: string) => {
    const parsed = grammar.safeParse(value);
    if (parsed.success) return null;
    const message = `"${value.slice(0, 80)}" is no ${flag}: ${parsed.error.issues[0]?.message}`;
    return { message, hint: `Write another --${flag}.` };
  };
  const problem = (value: string) =>
    names.includes(value)
      ? null
      : {
          message: `there is no strategy "${value.slice(0, 80)}".${didYouMean(value, names)}`,
          hint: `Known: ${known}.`,
        };
  const { backend, strategy, fleet, hostname } = options;
  return {
    backend: { flag: 'backend', given: backend, text: 'Name of the backend', problem: fits('backend', documentName) },
    strategy: { flag: 'strategy', given: strategy, text: `Strategy (${known})`, problem },
    fleet: { flag: 'fleet', given: fleet, text: 'Fleet of Envoys', problem: fits('fleet', fleetName) },
    hostname: { flag: 'hostname', given: hostname, text: 'Hostname', problem: fits('hostname', hostnameGrammar) },
  };
}

/** The flag; else what somebody at a terminal says, who is asked again if it is wrong; else the default. */
async function answer(
  { cli, terminal }: CommandContext,
  { given, text, problem }: Question,
  usual: string,
): Promise<Result<string>> {
  if (given !== undefined) {
    const wrong = problem(given);
    return wrong === null ? ok(given) : fail('SERIN_REQUEST_INVALID', wrong.message, { hint: wrong.hint });
  }
  const ask = (cli.env.CI ?? '') === '' ? cli.ask : null;
  while (ask !== null) {
    const said = await ask(`${text} [${usual}]: `);
    // Nothing more comes: the rest are the defaults.
    if (said === null) break;
    const value = said.trim() === '' ? usual : said.trim();
    const wrong = problem(value);
    if (wrong === null) return ok(value);
    terminal.err(`${wrong.message} ${wrong.hint}`);
  }
  return ok(usual);
}

function write(
  { cli, terminal, json, failed }: CommandContext,
  { text, out, force }: { readonly text: string; readonly out: string; readonly force: boolean },
): number {
  // Each answer is right by itself; together they may be too long, such as the name in DNS.
  const parsed = parseDocuments([{ file: out, text }], cli.strategies());
  if (parsed.kind === 'error') return failed(parsed.errors);
  if (out === '-') {
    for (const line of text.trimEnd().split('\n')) terminal.out(line);
    return EXIT.done;
  }
  const written = writeNew(out, text, force);
  if (written.kind === 'error') return failed(written.errors);
  const documents = parsed.value.map(({ document: { kind, name } }) => ({ kind, name }));
  if (json()) terminal.json({ file: out, documents });
  else for (const { kind, name } of documents) terminal.out(`${kind} ${name} written to ${out}`);
  const schema = join(dirname(out), SCHEMA_FILE);
  if (!existsSync(schema)) terminal.err(`for your editor: serin schema documents > ${schema}`);
  terminal.err(`what it says in full: serin plan show ${out}`);
  return EXIT.done;
}

function writeNew(out: string, text: string, force: boolean): Result<null> {
  try {
    writeFileSync(out, text, { flag: force ? 'w' : 'wx' });
    return ok(null);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EEXIST') return inTheWay(out);
    return fail('SERIN_REQUEST_INVALID', `${out} cannot be written`, { hint: 'Check the path.' });
  }
}

function inTheWay(out: string) {
  return fail('SERIN_REQUEST_INVALID', `${out} is there already`, {
    hint: 'Name another file by --out, or say --force to overwrite it.',
  });
}
