import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Logger } from '../../src/engine/ports/logger.ts';
import { type CertificateWatch, watchCertificates } from '../../src/platform/certificate-watch.ts';
import { revealSecret } from '../../src/platform/reveal-secret.ts';
import { authority, type Issued } from '../support/certificates.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { quiet } from '../support/quiet-logger.ts';

const DAY_MS = 86_400_000;
const ca = authority('one');
const first = ca.issue('first', { toMs: Date.now() + 10 * DAY_MS });
const second = ca.issue('second', { toMs: Date.now() + 90 * DAY_MS });

let folder: string;
let clock: FakeClock;
let watch: CertificateWatch;
let changes: number;
let errors: string[];

const logger: Logger = { ...quiet, error: (_message, fields) => void errors.push(String(fields?.detail)) };
const path = (name: string) => join(folder, name);
const put = (name: string, text: string) => writeFileSync(path(name), text);
const used = () => watch.current().certificate?.trim();
const pem = ({ certificate }: Issued) => certificate.trim();

async function turn(): Promise<void> {
  await clock.advance(5_000);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-certificates-'));
  clock = fakeClock(Date.now());
  errors = [];
  put('cert', first.certificate);
  put('key', first.privateKey);
  put('ca', ca.certificate);
  const read = (file: string) => revealSecret(`file:${file}`, {});
  const file = (name: string) => ({ file: path(name), pem: read(path(name)) ?? '' });
  watch = watchCertificates({
    files: { certificate: file('cert'), privateKey: file('key'), ca: file('ca') },
    settings: { certificate: 'xds.tls.certificate', privateKey: 'xds.tls.privateKey', ca: 'xds.tls.clientCa' },
    read,
    clock,
    logger,
  });
  changes = 0;
  watch.onChange(() => {
    changes += 1;
  });
});
afterEach(() => {
  watch.stop();
  rmSync(folder, { recursive: true });
});

describe('F34: certificates that change on the disk', () => {
  it('are taken, and whoever uses them is told once', async () => {
    put('cert', second.certificate);
    put('key', second.privateKey);
    await turn();
    await turn();
    expect(used()).toBe(pem(second));
    expect([changes, watch.refused(), errors]).toEqual([1, false, []]);
  });

  it('are taken when the key has come as well, and not before', async () => {
    put('cert', second.certificate);
    await turn();
    expect(used()).toBe(pem(first));
    put('key', second.privateKey);
    await turn();
    expect([used(), watch.refused()]).toEqual([pem(second), false]);
  });

  it('are taken with a new authority beside the old one', async () => {
    put('ca', `${ca.certificate}${authority('two').certificate}`);
    await turn();
    expect(watch.current().ca?.match(/BEGIN/g)).toHaveLength(2);
    expect(changes).toBe(1);
  });

  it.each([
    ['is no certificate', () => put('cert', 'hello'), 'PEM'],
    ['has run out', () => putPair(ca.issue('old', { toMs: Date.now() - DAY_MS })), 'ran out'],
    ['belongs to another key', () => put('key', second.privateKey), 'mismatch'],
    ['is gone', () => rmSync(path('cert')), 'cannot be read'],
    ['is no authority', () => put('ca', 'hello'), 'no certificate'],
  ])('stay as they were when what comes %s, and it is said once', async (_what, change, words) => {
    // when
    change();
    for (let i = 0; i < 3; i += 1) await turn();
    // then
    expect([used(), changes, watch.refused()]).toEqual([pem(first), 0, true]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(words);
    // and when it is put right
    putPair(second);
    put('ca', ca.certificate);
    await turn();
    expect([used(), watch.refused()]).toEqual([pem(second), false]);
  });

  it('say how long they are still good: a chain by its first, authorities by their last', async () => {
    const days = () => watch.reports().map(({ setting, leftMs }) => [setting, Math.round(leftMs / DAY_MS)]);
    expect(days()).toEqual([
      ['xds.tls.certificate', 10],
      ['xds.tls.clientCa', 365],
    ]);
    put('cert', `${second.certificate}${ca.certificate}`);
    put('key', second.privateKey);
    await turn();
    expect(days()[0]).toEqual(['xds.tls.certificate', 90]);
    watch.stop();
    await clock.advance(91 * DAY_MS);
    expect(days()[0]).toEqual(['xds.tls.certificate', -1]);
  });
});

function putPair({ certificate, privateKey }: Issued): void {
  put('cert', certificate);
  put('key', privateKey);
}
