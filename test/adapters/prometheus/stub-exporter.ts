import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An exporter whose page a test writes. */
export interface StubExporter {
  readonly address: string;
  show(page: string): void;
  stop(): Promise<void>;
}

export async function stubExporter(): Promise<StubExporter> {
  let page = '';
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    show: (next) => {
      page = next;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
