import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { credentialsOf, grpcServer } from '../../../src/adapters/xds/grpc-server.ts';
import { type Listening, listen } from '../../../src/adapters/xds/listen.ts';
import { DEFAULT_LIMITS } from '../../../src/adapters/xds/xds-limits.ts';
import type { Pems } from '../../../src/engine/ports/certificates.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { authority, type Issued } from '../../support/certificates.ts';

const [one, two] = [authority('one'), authority('two')];
const pems = (own: Issued, ca: string): Pems => ({ ...own, ca });

let current: Pems;
let tell: () => void;
let listening: Listening;
let server: ReturnType<typeof grpcServer>;
const open: TLSSocket[] = [];

beforeEach(async () => {
  current = pems(one.issue('server of one'), one.certificate);
  const listeners = new Set<() => void>();
  tell = () => {
    for (const listener of listeners) listener();
  };
  const live = {
    current: () => current,
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  server = grpcServer(DEFAULT_LIMITS, () => {});
  const where = { host: '127.0.0.1', port: 0, clock: createSystemClock(), limits: DEFAULT_LIMITS };
  listening = await listen(server, credentialsOf(live), where);
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
  server.forceShutdown();
  listening.destroy();
});

/** Who the server says it is; an error when it takes no such client, or the client no such server. */
function greet({ certificate, privateKey }: Issued, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ host: '127.0.0.1', port: listening.port, ALPNProtocols: ['h2'] },
      ...{ cert: certificate, key: privateKey, ca },
    });
    open.push(socket);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
    // With TLS 1.3 a server refuses a certificate after the client thinks that all is well: its first frame tells.
    socket.once('data', () => resolve(String(socket.getPeerCertificate().subject.CN)));
  });
}

it('F34: new connections get new certificates, and those that are open stay', async () => {
  // given
  expect(await greet(one.issue('envoy'), one.certificate)).toBe('server of one');
  const [before] = open;
  // when the authority changes as well
  current = pems(two.issue('server of two'), two.certificate);
  tell();
  // then
  expect(await greet(two.issue('envoy'), two.certificate)).toBe('server of two');
  await expect(greet(one.issue('envoy'), two.certificate)).rejects.toThrow();
  expect(before?.destroyed).toBe(false);
});

it('takes Envoys of both authorities while the bundle has both', async () => {
  current = pems(two.issue('server of two'), `${one.certificate}${two.certificate}`);
  tell();
  for (const own of [one, two]) expect(await greet(own.issue('envoy'), two.certificate)).toBe('server of two');
});
