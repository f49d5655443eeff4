import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedMessage {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookReceiver {
  /** With a path that must stay secret. */
  readonly url: string;
  /** Everything that arrived, also what was refused. */
  readonly received: readonly ReceivedMessage[];
  /** How requests are answered from now on. @default 200 `ok` */
  answer(reply: (response: ServerResponse) => void): void;
  /** The next `times` requests get this status, then it is 200 again. */
  fail(status: number, times: number, headers?: Readonly<Record<string, string>>): void;
  /** Takes connections and never answers. */
  hang(): void;
  redirectTo(url: string): void;
  /** Refuses connections until `up()`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** A webhook receiver on loopback that can misbehave. */
export async function webhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedMessage[] = [];
  const accept = (response: ServerResponse): void => void response.writeHead(200).end('ok');
  let reply = accept;
  let port = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      reply(response);
    });
  });
  const listen = async () => {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  await listen();
  return {
    url: `http://127.0.0.1:${port}/services/T0/B0/path-is-secret?key=query-is-secret`,
    received,
    answer: (next) => {
      reply = next;
    },
    fail: (status, times, headers = {}) => {
      let left = times;
      reply = (response) => {
        if (left === 0) return accept(response);
        left -= 1;
        response.writeHead(status, headers).end();
      };
    },
    hang: () => {
      reply = () => undefined;
    },
    redirectTo: (url) => {
      reply = (response) => void response.writeHead(307, { location: url }).end();
    },
    down: stop,
    up: listen,
    close: stop,
  };
}
