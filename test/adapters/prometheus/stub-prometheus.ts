import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StubPrometheus {
  readonly url: string;
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly body: URLSearchParams;
    readonly headers: IncomingMessage['headers'];
  }[];
  /** What the next requests get. */
  answer(reply: (response: ServerResponse) => void): void;
  /** JSON with status 200, as from the query API. */
  answerWith(resultType: string, result: unknown, extra?: Readonly<Record<string, unknown>>): void;
  stop(): Promise<void>;
}

/** A server that answers queries with whatever a test wants, however odd. */
export async function stubPrometheus(): Promise<StubPrometheus> {
  let reply: (response: ServerResponse) => void = (response) => response.writeHead(500).end();
  const requests: StubPrometheus['requests'][number][] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = new URLSearchParams(Buffer.concat(chunks).toString());
      requests.push({ method: request.method ?? '', path: request.url ?? '', body, headers: request.headers });
      reply(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer: (next) => {
      reply = next;
    },
    answerWith: (resultType, result, extra = {}) => {
      reply = (response) => json(response, 200, { status: 'success', data: { resultType, result }, ...extra });
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
