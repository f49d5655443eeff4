import { Agent, request } from 'node:http';

/** One request as the client saw it. Times are epoch ms. */
export interface Sample {
  readonly sentAtMs: number;
  /** 0: no answer at all. */
  readonly status: number;
  readonly servedBy: string;
  readonly pinned: boolean;
}

export interface Load {
  readonly samples: readonly Sample[];
  /** No new request; resolves when the last answer is in. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** Listeners on loopback, taken in turn. */
  readonly ports: readonly number[];
  readonly host: string;
  readonly path: string;
  /** Per second, all ports together; bounded at 2,000. */
  readonly rate: number;
  /** Every n-th request carries this header. */
  readonly pinned?: { readonly every: number; readonly name: string; readonly value: string };
}

const TICK_MS = 10;
const MAX_IN_FLIGHT = 200;

/** An open loop over kept-alive connections: a slow answer does not slow the next request. */
export function startLoad(options: LoadOptions): Load {
  const rate = Math.min(options.rate, 2_000);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const samples: Sample[] = [];
  let sent = 0;
  let inFlight = 0;
  const startMs = performance.now();
  const send = () => {
    sent += 1;
    const { pinned } = options;
    const pin = pinned !== undefined && sent % pinned.every === 0;
    const sentAtMs = Date.now();
    inFlight += 1;
    let finished = false;
    const done = (status: number, servedBy: string) => {
      if (finished) return;
      finished = true;
      inFlight -= 1;
      samples.push({ sentAtMs, status, servedBy, pinned: pin });
    };
    const call = request(
      {
        host: '127.0.0.1',
        port: options.ports[sent % options.ports.length],
        path: options.path,
        agent,
        timeout: 10_000,
        headers: { host: options.host, ...(pin ? { [pinned.name]: pinned.value } : {}) },
      },
      (response) => {
        response.resume();
        response.once('end', () => done(response.statusCode ?? 0, String(response.headers['x-served-by'] ?? '')));
        response.once('error', () => done(0, ''));
      },
    );
    call.once('timeout', () => call.destroy());
    call.once('error', () => done(0, ''));
    call.end();
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1000) * rate) - sent;
    for (let i = 0; i < Math.min(due, 50) && inFlight < MAX_IN_FLIGHT; i += 1) send();
  }, TICK_MS);
  return {
    samples,
    stop: async () => {
      clearInterval(timer);
      while (inFlight > 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      agent.destroy();
    },
  };
}
