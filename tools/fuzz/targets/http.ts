import { connect } from 'node:net';
import type { EmergencyDesk } from '../../../src/engine/emergency.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { apiServer } from '../../../test/support/api-server.ts';
import type { OpenTarget } from '../target.ts';
import { type HttpWorld, httpWorld } from './http-world.ts';

const HOST = '127.0.0.1';
/** The first line of an input: how and where its rest is sent. What does not begin so is sent as it is. */
const REQUEST = /^([A-Z]{3,7}) (\/[^\s]*)(?: ([a-z/+-]+))?\n/;
/** What a client may wait for an answer to bytes that are no request, or to one that waits for a change. */
const SHORT_MS = 50;
const PATIENCE_MS = 4_000;
/** Inputs that are refused leave little behind: of so many. */
const SAME_WORLD = 200;

/** The HTTP API: requests to every route, and bytes that are no HTTP. */
const open: OpenTarget = async () => {
  let world = await httpWorld();
  let [ran, isSpent, isTaken] = [0, false, false];
  const server = await apiServer(
    standIn<Engine>(() => world.engine),
    {
      emergency: standIn<EmergencyDesk>(() => world.desk),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
  );
  const renew = async (): Promise<HttpWorld> => {
    await world.close();
    [ran, isSpent] = [0, false];
    return await httpWorld();
  };
  return {
    async prepare(input) {
      if (isSpent || ran >= SAME_WORLD) world = await renew();
      const { path } = requestOf(input);
      if (!path.includes('/store/reconcile')) return;
      await world.freeze();
      isSpent = true;
    },
    async run(input) {
      ran += 1;
      const { method, path, bytes } = requestOf(input);
      const waits = method === '' || path.includes('afterRev');
      const answer = send(server.port, bytes, waits ? SHORT_MS : PATIENCE_MS);
      const said = waits ? await answer : await world.during(answer);
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(said.text)?.[1] ?? 0);
      isTaken = status >= 200 && status < 300;
      if (isTaken && method !== 'GET') isSpent = true;
      const where = `${method || 'raw bytes'} ${path}`.slice(0, 200);
      if (status === 0 && !said.ended && !waits) return `${where}: no answer within ${PATIENCE_MS} ms`;
      if (status >= 500 && status !== 503) return `${where}: ${said.text.slice(0, 500)}`;
      return said.text.length > 1024 * 1024 ? `${where}: an answer of ${said.text.length} characters` : null;
    },
    taken: () => isTaken,
    async close() {
      await world.close();
      await server.close();
    },
  };
};
export default open;

/** Whatever there is now, under one name: worlds come and go, the server stays. */
function standIn<T extends object>(now: () => T): T {
  return new Proxy({} as T, { get: (_, name) => Reflect.get(now(), name) });
}

function requestOf(input: Buffer): { readonly method: string; readonly path: string; readonly bytes: Buffer } {
  const line = REQUEST.exec(input.subarray(0, 2_000).toString('latin1'));
  if (line === null) return { method: '', path: '', bytes: input };
  const [whole, method = '', path = '', type = 'application/json'] = line;
  const body = input.subarray(whole.length);
  const head = [`${method} ${path} HTTP/1.1`, `host: ${HOST}`, 'connection: close'];
  if (body.length > 0) head.push(`content-type: ${type}`, `content-length: ${body.length}`);
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
  return { method, path, bytes };
}

interface Said {
  readonly text: string;
  /** The server has hung up. */
  readonly ended: boolean;
}

/** Sends bytes as they are; the server may answer, close or wait. */
function send(port: number, bytes: Buffer, patienceMs: number): Promise<Said> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const end = (ended: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text: Buffer.concat(chunks).toString('latin1'), ended });
    };
    // Not closed on this side first: a server may take that for a client that has gone.
    const socket = connect(port, HOST, () => socket.write(bytes));
    const timer = setTimeout(end, patienceMs, false);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('close', () => end(true));
    socket.on('error', () => end(true));
  });
}
