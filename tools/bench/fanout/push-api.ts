import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Until when a step counts as taken: handed to the streams, or ACKed by them. */
export type Wait = 'sent' | 'acks';

/** How one control plane takes a step. */
export interface Steppable {
  /** Sends weight step `step`; resolves with its version once so many streams were handed it, or have ACKed it. */
  push(step: number, streams: number, wait: Wait): Promise<string>;
  ready(): boolean;
}

export interface Pushed {
  readonly version: string;
  /** From the commit to the last ACK. */
  readonly wallMs: number;
  /** CPU time of this process meanwhile. */
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** What the process holds, garbage aside. */
export interface Held {
  readonly rssMb: number;
  readonly heapMb: number;
  /** Sockets, timers and the like that are open. */
  readonly handles: number;
}

function held(): Held {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const mb = (bytes: number) => Math.round((bytes / 1024 / 1024) * 10) / 10;
  return { rssMb: mb(rss), heapMb: mb(heapUsed), handles: process.getActiveResourcesInfo().length };
}

/** `POST /push?step=k&wait=acks|sent&streams=N`, `GET /ready` and `GET /held`, on loopback; resolves with the port. */
export function servePushes(port: number, plane: Steppable): Promise<number> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (url.pathname === '/ready') return answer(plane.ready() ? 200 : 503, { ready: plane.ready() });
    if (url.pathname === '/held') return answer(200, held());
    if (request.method !== 'POST' || url.pathname !== '/push')
      return answer(404, { error: 'POST /push, GET /ready, GET /held' });
    const [step, streams] = [Number(url.searchParams.get('step')), Number(url.searchParams.get('streams') ?? 0)];
    const wait = url.searchParams.get('wait') ?? 'acks';
    if (!Number.isInteger(step) || !Number.isInteger(streams) || (wait !== 'acks' && wait !== 'sent')) {
      return answer(400, { error: 'step and streams are whole numbers, wait is acks or sent' });
    }
    const [startMs, cpu] = [performance.now(), process.cpuUsage()];
    plane.push(step, streams, wait).then(
      (version) => {
        const { user, system } = process.cpuUsage(cpu);
        const wallMs = performance.now() - startMs;
        const rssMb = Math.round(process.memoryUsage().rss / 1024 / 1024);
        const pushed: Pushed = { version, wallMs, cpuMs: (user + system) / 1_000, rssMb };
        answer(200, pushed);
      },
      (error: unknown) => answer(500, { error: String(error) }),
    );
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
