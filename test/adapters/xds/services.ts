import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Seen {
  readonly by: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Services that answer with their name, and a client that asks them through an Envoy. */
export function echoServices() {
  const seen: Seen[] = [];
  const servers: Server[] = [];
  return {
    seen,
    /** Where it listens. */
    async add(name: string): Promise<string> {
      let flaky = 0;
      const server = createServer((request, response) => {
        seen.push({ by: name, url: request.url ?? '', headers: request.headers });
        if (request.url === '/slow') return;
        flaky += request.url === '/flaky' ? 1 : 0;
        if (request.url === '/broken') return response.writeHead(500).end();
        const status = request.url === '/flaky' && flaky % 3 !== 0 ? 503 : 200;
        response.writeHead(status, { 'x-inner': 'secret', 'x-by': name }).end(name);
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    ask(port: number, path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const call = httpRequest({ host: '127.0.0.1', port, path, method, headers }, (response) => {
          let body = '';
          response.on('data', (part: Buffer) => {
            body += part.toString();
          });
          response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
        });
        call.once('error', reject);
        call.end();
      });
    },
    close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}
