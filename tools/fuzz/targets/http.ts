import { connect } from 'node:net';
import { apiServer } from '../../../test/support/api-server.ts';
import { engineRig } from '../../../test/support/engine-rig.ts';
import type { OpenTarget } from '../target.ts';

const HOST = '127.0.0.1';
const ROUTES = [
  ['POST', '/api/v1/documents', 'application/json'],
  ['POST', '/api/v1/rollouts', 'application/json'],
  ['POST', '/api/v1/rollouts/r1/abort', 'application/json'],
  ['POST', '/api/v1/rollouts/r1/approve', 'application/json'],
  ['POST', '/api/v1/documents', 'application/yaml'],
  ['POST', '/api/v1/rollouts', 'text/plain'],
] as const;
/** What a client may wait for an answer to bytes that are no request. */
const PATIENCE_MS = 50;

/** The HTTP API: bodies on every route that takes one, and bytes that are no HTTP. */
const open: OpenTarget = async () => {
  const rig = await engineRig();
  const server = await apiServer(rig.engine);
  let passing = true;
  // Time passes for the engine, so that what waits for Envoys comes to an end.
  const time = (async () => {
    while (passing) {
      await rig.clock.advance(250);
      await new Promise<void>((turn) => setImmediate(turn));
    }
  })();
  return {
    async run(input) {
      const choice = (input[0] ?? 0) % (ROUTES.length + 1);
      const body = input.subarray(1);
      const route = ROUTES[choice];
      if (route === undefined) return await bare(server.port, body);
      const [method, path, type] = route;
      const response = await fetch(`${server.url}${path}`, { method, headers: { 'content-type': type }, body });
      const text = await response.text();
      if (response.status >= 500 && response.status !== 503) return `${path}: ${response.status} ${text.slice(0, 500)}`;
      return text.length > 1024 * 1024 ? `${path}: an answer of ${text.length} characters` : null;
    },
    async close() {
      passing = false;
      await time;
      await server.close();
      await rig.stop();
    },
  };
};

/** Sends bytes as they are; the server may answer, close or wait. */
function bare(port: number, bytes: Buffer): Promise<string | null> {
  return new Promise((done) => {
    let said = '';
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      done(/^HTTP\/1\.1 5(?!03)/.test(said) ? `raw bytes: ${said.slice(0, 200)}` : null);
    };
    const socket = connect(port, HOST, () => socket.end(bytes));
    const timer = setTimeout(end, PATIENCE_MS);
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1', 0, Math.max(0, 200 - said.length));
    });
    socket.once('close', end);
    socket.on('error', end);
  });
}
export default open;
