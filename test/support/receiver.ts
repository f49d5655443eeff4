import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Message {
  readonly atMs: number;
  readonly id: string;
  readonly text: string;
}

/** A Slack-style webhook receiver that can misbehave. */
export interface Receiver {
  readonly url: string;
  /** What it accepted, in order. */
  readonly messages: readonly Message[];
  /** Answers so; 200 accepts. A redirect points at the receiver itself. */
  status: number;
  /** Calls that came in, accepted or not. */
  calls(): number;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const messages: Message[] = [];
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      if (receiver.status === 200) {
        const parsed: unknown = JSON.parse(body);
        const text = typeof parsed === 'object' && parsed !== null && 'text' in parsed ? String(parsed.text) : body;
        messages.push({ atMs: Date.now(), id: String(request.headers['webhook-id'] ?? ''), text });
      }
      response
        .writeHead(receiver.status, receiver.status >= 300 && receiver.status < 400 ? { location: '/hook' } : {})
        .end('ok');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    messages,
    status: 200,
    calls: () => calls,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
