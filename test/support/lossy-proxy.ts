import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A loopback TCP proxy that can lose a request before it is heard, or the reply to it. */
export interface LossyProxy {
  readonly url: string;
  /** Connections that came in. */
  connections(): number;
  close(): Promise<void>;
}

/** The first `times` connections end by a reset, before or after the server has heard them. */
export async function lossyProxy(port: number, loses: 'request' | 'reply', times = 1): Promise<LossyProxy> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const lost = connections <= times;
    open.add(client.on('error', () => undefined).on('close', () => open.delete(client)));
    if (lost && loses === 'request') {
      client.destroy();
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    open.add(upstream.on('error', () => client.destroy()).on('close', () => open.delete(upstream)));
    client.on('close', () => upstream.destroy()).pipe(upstream);
    upstream.on('data', (chunk) => {
      if (lost) client.destroy();
      else client.write(chunk);
    });
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
