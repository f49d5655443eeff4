import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliRun } from '../support/cli.ts';
import { fences, filesOf, PAGES } from '../support/markdown.ts';
import { askedOfSerin, type PageCommand, pageCommands, serinArguments } from '../support/page-commands.ts';
import { type PageSession, pageSession } from '../support/page-session.ts';

/**
 * Every command line of `serin` in the pages is run by the real program: against the real API over the whole engine on
 * fakes, where time passes at once. So an option that is gone, a plan that does not exist or a wrong exit code is found.
 */

const documentsIn = (page: string): readonly string[] =>
  fences(page)
    .filter(({ language, text }) => language === 'yaml' && text.includes('apiVersion: serin.dev/v1'))
    .map(({ text }) => text);
const first = (page: string): string => documentsIn(page)[0] ?? '';
const CHECKOUT = first('docs/guides/canary.md');
/** With a Backend that knows where its revisions run, as CI has it. */
const DEPLOYED = CHECKOUT.replace(
  /^ {2}initial: .*$/m,
  '  endpoints: { dns: "checkout-{{ revision }}.shop.internal:8080" }\n  initial: v1',
);

/** What the words of `plan diff` in docs/cli.md are about. */
const shop = (deadline: string, weights: string, more: string) =>
  `${first('README.md').replace(/^kind: Plan[\s\S]*/m, '')}kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy: { use: canary, with: { weights: ${weights} } }
  analysis: [{ use: error-rate }${more}]
  deadline: ${deadline}
`;

/** What every page may name, and what one page means by a name. Files that a page shows itself are there anyway. */
const SHOWN: Readonly<Record<string, string>> = Object.assign({}, ...PAGES.map(filesOf).toReversed());
const FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // What the command before it writes; nothing is scraped here.
  'docs/guides/joint.md': { 'cart.jsonl': '{"plan":{"steps":[{"weight":25}]}}\n{"t":1,"weight":0,"proxies":{}}\n' },
  'docs/cli.md': {
    'main.yaml': shop('2h', '[1, 5]', ''),
    'shop.yaml': shop('4h', '[1, 10]', ', { use: latency, with: { objective: 250ms } }'),
    'plans/checkout.yaml': DEPLOYED,
    'checkout.yaml': DEPLOYED,
    'world.yaml': 'requests: 50\nenvoys: 2\nstable: { errors: 0.001, latency: { p50: 20ms, p99: 90ms } }\n',
  },
};

/** Whose hosts the API tells. */
const CATALOGUE = documentsIn('docs/documents.md').find((text) => text.includes('endpoints: { api: {} }')) ?? '';

/** What has happened before the first command of a page. */
const START = ['rollout', 'start', 'checkout', '--revision', 'v2', '--endpoints', '127.0.0.1:9002'];
const BEFORE: Readonly<Record<string, { readonly apply: string; readonly run: readonly (readonly string[])[] }>> = {
  'docs/api.md': { apply: `${DEPLOYED}---\n${CATALOGUE}`, run: [] },
  'docs/cli.md': { apply: DEPLOYED, run: [] },
  'docs/runbooks.md': { apply: CHECKOUT, run: [START] },
  'docs/guides/config-canary.md': { apply: first('docs/guides/config-canary.md'), run: [] },
};

/** The Backend of the guide after its first and its second change. */
const [BEFORE_CHANGE = '', CHANGED = ''] = documentsIn('docs/guides/config-canary.md');
const changed = (backend: string) =>
  BEFORE_CHANGE.replace(/^kind: Backend[\s\S]*?(?=^---)/m, `${backend.replace(/^.*\n/, '')}`);
const CATALOG = [
  changed(CHANGED),
  changed(CHANGED.replace(/^ {2}loadBalancing.*$/m, '  circuitBreaker: { requests: 1 }')),
];

/** What the judge is to find: the revision of the guides that fails, and the settings that do. */
const BAD = /:9003|circuitBreaker/;

/** Commands that do not end with 0 here, or cannot be run: each with its reason, to be looked at in a review. */
const EXCEPTIONS: Readonly<Record<string, { readonly code: number; readonly because: string }>> = {
  'docs/guides/ab-test.md rollout promote': {
    code: 8,
    because: 'the test has just been started here; test/engine/variants.test.ts goes to its end',
  },
  'docs/cli.md analysis replay': {
    code: 6,
    because: 'there is no Prometheus here; analysis-replay-past.integration.test.ts asks a real one',
  },
};

/** Requests that the API refuses here, as it should. */
const REFUSED: Readonly<Record<string, { readonly status: number; readonly because: string }>> = {
  'docs/api.md POST /api/v1/apply?dryRun=true': { status: 400, because: 'jq makes its body, and does not run here' },
  'docs/api.md POST /api/v1/rollouts/$id/abort': { status: 409, because: 'the rev of the example is another one' },
};

/** Programs of others: whether they run here depends on the machine, and what they do is not ours. */
const OTHERS: Readonly<Record<string, string>> = {
  envoy: 'deploy/envoy/bootstrap.yaml is run by test/deploy/shipped-files.integration.test.ts',
  prometheus: 'the integration tests run one with the same settings',
  python3: 'a service to be rolled out; its text is read by sh -n alone',
  curl: 'an answer of Envoy, or of Prometheus; what it asks of Serin is asked here',
  'redis-cli': 'a look at Redis',
  journalctl: 'logs of the machine',
  chronyc: 'the clock of the machine',
  ...Object.fromEntries(['df', 'ls', 'ss', 'date'].map((name) => [name, 'a look at the machine'])),
  ...Object.fromEntries(
    ['alias', 'cat', 'echo', 'exit', 'mkdir', 'printf', 'seq', 'sleep'].map((name) => [name, 'the shell']),
  ),
  ...Object.fromEntries(
    ['base64', 'grep', 'jq', 'openssl', 'sha256sum', 'sort', 'uniq'].map((name) => [name, 'a filter of text']),
  ),
};

/** Whose answer depends on nothing but files: it has to be as the page says (plan-simulation.test.ts has its own). */
const FROM_FILES = /^(?:plan (?!simulate)|route) /;

it('every other command of the pages is of a known program, and every script of npm is there', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const known = ([program = '', verb = '', script = '']: readonly string[]) =>
    program === 'npm' ? verb === 'ci' || verb === 'test' || (verb === 'run' && script in scripts) : program in OTHERS;
  const strange = PAGES.flatMap(pageCommands).filter(({ words }) => serinArguments(words) === null && !known(words));
  expect(strange.map(({ at, words }) => `${at} ${words.join(' ')}`)).toEqual([]);
});

/** Whose worlds and plans have a test of their own, which runs every command. */
const ELSEWHERE = 'docs/plan-simulation.md';

describe.each(PAGES.filter((page) => page !== ELSEWHERE && pageCommands(page).some(({ words }) => isRun(words))))(
  'the commands of %s',
  (page) => {
    let session: PageSession;
    let bad = '';
    let applied = 0;
    beforeAll(async () => {
      session = await pageSession();
      const files = { ...SHOWN, ...filesOf(page), ...FILES[page] };
      for (const [file, text] of Object.entries(files)) session.write(file, text);
      const before = BEFORE[page];
      if (before === undefined) return;
      session.write('before.yaml', before.apply);
      for (const args of [['apply', '-f', 'before.yaml'], ...before.run]) {
        expect(await session.run(args)).toMatchObject({ stderr: '', code: 0 });
      }
    });
    afterAll(() => session.close());

    const filled = async (args: readonly string[]): Promise<readonly string[]> => {
      const id = await session.newest();
      // A thousand seeds are for people: here two show that the command is right.
      const few = args[1] === 'simulate' && !args.includes('--seeds') ? ['--seeds', '2'] : [];
      return [...args, ...few].map((arg) =>
        arg
          .replace(/^(?:\$ID|\$ROLLOUT|[0-9a-f]{26}|\$\(jq -r \.id .*\))$/, id)
          .replace(/^(?:\$ENVOY|edge-1)$/, 'edge-a')
          .replace(/^\$FLEET$/, 'edge')
          .replace(/^(?:\$SERIN|http:\/\/serin-\d:7070)$/, session.url)
          .replace(/^\$GIT_SHA$/, 'abc123')
          .replace(/^\$GITHUB_SHA$/, 'def456')
          .replaceAll(/\$\{\{ [\w.]+ \}\}/g, '7'),
      );
    };

    /** How the command is to end that was left waiting for a person. */
    let left: number | null = null;
    const settle = async (): Promise<void> => {
      if (left === null) return;
      const code = left;
      left = null;
      expect(await session.ended()).toMatchObject({ code });
    };

    const requests = pageCommands(page).flatMap(({ at, words }) => {
      const asked = askedOfSerin(words);
      return asked === null ? [] : [[`${at} ${asked.method} ${asked.path}`, asked] as const];
    });
    it.each(requests)('%s', async (name, asked) => {
      const path = asked.path.replace('$id', await session.newest());
      const { method, body, headers } = asked;
      const answer = await fetch(`${session.url}${path}`, { method, headers, ...(body === null ? {} : { body }) });
      const expected = REFUSED[name.replace(/:\d+ /, ' ')]?.status ?? 200;
      expect([answer.status, answer.ok || answer.status === expected ? '' : await answer.text()]).toEqual([
        answer.ok && expected === 200 ? answer.status : expected,
        '',
      ]);
    });

    const commands = pageCommands(page).flatMap(({ at, words, output }) => {
      const args = serinArguments(words);
      return args === null ? [] : [[`${at} ${args.join(' ')}`, { at, words: args, output }] as const];
    });
    it.each(commands)('%s', async (_, { words, output }: PageCommand) => {
      if (words[0] === 'apply' && page === 'docs/guides/config-canary.md') {
        session.write('catalog.yaml', CATALOG[applied] ?? '');
        bad = CATALOG[applied] ?? '';
        applied += 1;
      }
      const waits = words.includes('--wait');
      if (waits) await settle();
      const failing = words[1] === 'start' && BAD.test(`${words.join(' ')}${bad}`);
      if (words[1] === 'start') session.judged(failing ? 'fail' : 'pass');
      const expected = EXCEPTIONS[`${page} ${words.slice(0, 2).join(' ')}`]?.code ?? (waits && failing ? 3 : 0);
      const run = await session.run(await filled(words));
      if (run === null) left = expected;
      else expect([run.code, run.code === expected ? '' : run.stderr]).toEqual([expected, '']);
      if (run === null) return;
      if (output !== null && FROM_FILES.test(words.join(' '))) expect(differences(output, run)).toEqual([]);
    });

    it('end as they say', async () => {
      await settle();
    });
  },
);

function isRun(words: readonly string[]): boolean {
  return serinArguments(words) !== null || askedOfSerin(words) !== null;
}

/** What a page shows and the command does not say; `…` stands for any number of lines. */
function differences(shown: readonly string[], { stdout }: CliRun): readonly string[] {
  const said = stdout.trimEnd().split('\n');
  let at: number | null = 0;
  const missing: string[] = [];
  for (const line of shown) {
    if (line.trim() === '…') at = null;
    else {
      const found: number = at === null ? said.indexOf(line) : said[at] === line ? at : -1;
      if (found === -1) missing.push(line);
      at = found === -1 ? at : found + 1;
    }
  }
  if (at !== null && at < said.length) missing.push(`and then not: ${said[at]}`);
  return missing;
}
