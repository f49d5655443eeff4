import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Upstream {
  readonly name: string;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Share of requests that get a 500, 0–1. */
  failShare: number;
  /** Added before the answer, ms. */
  delayMs: number;
  /** Share of requests that are delayed, 0–1. @default 1 */
  delayShare: number;
  healthy: boolean;
  close(): Promise<void>;
}

/** A service as Envoy sees one: `/healthz`, answers that say who gave them, connections kept longer than Envoy keeps them. */
export async function startUpstream(name: string): Promise<Upstream> {
  let served = 0;
  const server: Server = createServer((request, response) => {
    if (request.url === '/healthz') {
      response.writeHead(upstream.healthy ? 200 : 503).end();
      return;
    }
    served += 1;
    // Evenly spread instead of by chance: the demo's figures then vary by the load alone.
    const isOneOf = (share: number) => Math.floor(served * share) > Math.floor((served - 1) * share);
    const fails = isOneOf(upstream.failShare);
    const answer = () => response.writeHead(fails ? 500 : 200, { 'x-served-by': name }).end(`${name}\n`);
    if (upstream.delayMs > 0 && isOneOf(upstream.delayShare)) setTimeout(answer, upstream.delayMs);
    else answer();
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const upstream: Upstream = {
    name,
    address: `127.0.0.1:${port}`,
    failShare: 0,
    delayMs: 0,
    delayShare: 1,
    healthy: true,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return upstream;
}
