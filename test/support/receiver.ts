import { webhookReceiver } from './webhook-receiver.ts';

export interface Message {
  readonly atMs: number;
  readonly id: string;
  readonly text: string;
}

/** A Slack-style receiver of a whole installation: keeps what it accepted, and can refuse. */
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
  const inner = await webhookReceiver();
  const messages: Message[] = [];
  const receiver: Receiver = {
    url: inner.url,
    messages,
    status: 200,
    calls: () => inner.received.length,
    close: () => inner.close(),
  };
  inner.answer((response) => {
    const { status } = receiver;
    const last = inner.received.at(-1);
    if (status === 200 && last !== undefined) {
      const { text } = JSON.parse(last.body) as { text: string };
      messages.push({ atMs: Date.now(), id: String(last.headers['webhook-id'] ?? ''), text });
    }
    response.writeHead(status, status >= 300 && status < 400 ? { location: '/hook' } : {}).end('ok');
  });
  return receiver;
}
