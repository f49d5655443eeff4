import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../src/platform/config.ts';

const home = process.cwd();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-load-'));
  process.chdir(folder);
});
afterEach(async () => {
  process.chdir(home);
  await rm(folder, { recursive: true, force: true });
});

type Env = Readonly<Record<string, string | undefined>>;

async function file(name: string, level: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `log: { level: ${level} }\n`);
  return path;
}

function load(path: string | null, env: Env = {}) {
  return loadConfig({ path, env: { HOME: join(folder, 'nobody'), ...env }, needRedis: false });
}

/** The level tells which file was read. */
function level(path: string | null, env: Env = {}): string {
  const loaded = load(path, env);
  return loaded.kind === 'ok' ? loaded.value.logLevel : loaded.errors.map(({ message }) => message).join();
}

describe('the file', () => {
  it('is the one named, then SERIN_CONFIG, then ./serin.yaml, then the one of the user', async () => {
    const env = { SERIN_CONFIG: 'env.yaml', XDG_CONFIG_HOME: join(folder, 'xdg') };
    await file('xdg/serin/config.yaml', 'error');
    expect(level(null, { XDG_CONFIG_HOME: env.XDG_CONFIG_HOME })).toBe('error');
    await file('serin.yaml', 'warn');
    expect(level(null, { XDG_CONFIG_HOME: env.XDG_CONFIG_HOME })).toBe('warn');
    await file('env.yaml', 'debug');
    expect(level(null, env)).toBe('debug');
    await file('named.yaml', 'silent');
    expect(level('named.yaml', env)).toBe('silent');
  });

  it('of the user stands below HOME where XDG_CONFIG_HOME is not set, or empty', async () => {
    await file('me/.config/serin/config.yaml', 'error');
    await file('serin/config.yaml', 'debug');
    expect(level(null, { HOME: join(folder, 'me') })).toBe('error');
    expect(level(null, { HOME: join(folder, 'me'), XDG_CONFIG_HOME: '' })).toBe('error');
  });

  it('may be missing', () => {
    expect(level(null)).toBe('info');
    expect(level(null, { SERIN_CONFIG: '' })).toBe('info');
  });

  it.each([
    ['not there', 'none.yaml'],
    ['a folder', '.'],
  ])('that was named must not be %s', (_, path) => {
    const refused = {
      kind: 'error',
      errors: [{ code: 'SERIN_CONFIG_INVALID', message: `the configuration ${path} cannot be read` }],
    };
    expect(load(path)).toEqual(refused);
    expect(load(null, { SERIN_CONFIG: path })).toEqual(refused);
  });

  it('is named in its errors', async () => {
    const path = await file('serin.yaml', 'loud');
    expect(load(path)).toMatchObject({ errors: [{ place: { file: path, line: 1, column: 15 } }] });
    expect(load(null)).toMatchObject({ errors: [{ place: { file: 'serin.yaml' } }] });
  });
});

const parse = (text: string | null, env: Env, needRedis = false) =>
  parseConfig({ file: 'serin.yaml', text, env, needRedis });

describe('the environment', () => {
  const FILE = 'redis: { url: "redis://file" }\nhttp: { port: 1 }\nxds: { port: 2 }\n';

  it('overrides the file', () => {
    const env = { SERIN_REDIS_URL: 'redis://env', SERIN_HTTP_PORT: '0', SERIN_XDS_PORT: '65535' };
    expect(parse(FILE, env)).toMatchObject({
      value: { redis: { at: { url: 'redis://env' } }, http: { port: 0 }, xds: { port: 65_535 } },
    });
    expect(parse(null, env)).toMatchObject({ value: { redis: { at: { url: 'redis://env' } }, http: { port: 0 } } });
  });

  it('that is empty leaves the file as it is', () => {
    expect(parse(FILE, { SERIN_REDIS_URL: '', SERIN_HTTP_PORT: '', SERIN_XDS_PORT: '' })).toMatchObject({
      value: { redis: { at: { url: 'redis://file' } }, http: { port: 1 }, xds: { port: 2 } },
    });
  });

  it.each(['abc', '-1', '65536', '99999', '100000', '1.5', ' 80', '0x50'])('is refused for the port %j', (port) => {
    for (const variable of ['SERIN_HTTP_PORT', 'SERIN_XDS_PORT']) {
      expect(parse(FILE, { [variable]: port })).toMatchObject({
        kind: 'error',
        errors: [{ code: 'SERIN_CONFIG_INVALID', message: `${variable} is no port` }],
      });
    }
  });
});

describe('what would open a door', () => {
  const refusals = (text: string | null, env: Env = {}, needRedis = false) => {
    const parsed = parse(text, env, needRedis);
    return parsed.kind === 'ok' ? [] : parsed.errors.map(({ message, place }) => [place?.line ?? null, message]);
  };
  const said = (line: number | null, words: string) => [[line, expect.stringContaining(words)]];
  const TOKEN = `auth: { tokens: [{ name: ci, sha256: ${'ab'.repeat(32)} }] }\n`;

  it('is the API for everybody', () => {
    expect(refusals('http:\n  host: 0.0.0.0\n')).toEqual(said(2, 'add auth.tokens'));
    expect(refusals(`http: { host: 0.0.0.0 }\n${TOKEN}`)).toEqual([]);
    expect(refusals('http: { host: 0.0.0.0 }\nauth: { tokens: [] }\n')).toEqual(said(1, 'add auth.tokens'));
  });

  it('is xDS in plain text', () => {
    expect(refusals('xds: { host: 10.0.0.1 }\n')).toEqual(said(1, 'xds.allowPlaintext'));
    expect(refusals('xds: { host: 10.0.0.1, allowPlaintext: false }\n')).toEqual(said(1, 'xds.allowPlaintext'));
    expect(refusals('xds: { host: 10.0.0.1, allowPlaintext: true }\n')).toEqual([]);
  });

  it('is TLS without a look at certificates', () => {
    expect(refusals(null, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toEqual(said(null, 'NODE_TLS_REJECT_UNAUTHORIZED'));
    expect(refusals(null, { NODE_TLS_REJECT_UNAUTHORIZED: '1' })).toEqual([]);
  });

  it('is serve without a store of its own', () => {
    expect(refusals(null, {}, true)).toEqual(said(null, 'serve needs a Redis'));
    expect(refusals('redis: { url: "redis://r" }', {}, true)).toEqual([]);
    expect(refusals(null, { SERIN_REDIS_URL: 'redis://r' }, true)).toEqual([]);
  });
});
