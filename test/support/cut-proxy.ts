import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A loopback TCP proxy whose line can be cut, and mended again. */
export interface CutProxy {
  readonly port: number;
  /** Open connections end, new ones are turned away. */
  cut(): void;
  mend(): void;
  /** Open connections stay open and carry nothing any more; new ones work. So a route that has moved on looks. */
  hang(): void;
  close(): Promise<void>;
}

/** A function is asked anew for every connection. */
export async function cutProxy(toPort: number | (() => number)): Promise<CutProxy> {
  const open = new Set<Socket>();
  const hung = new Set<Socket>();
  let whole = true;
  const track = (socket: Socket, other: () => Socket | null) => {
    open.add(socket);
    socket.on('error', () => other()?.destroy());
    socket.on('close', () => {
      open.delete(socket);
      hung.delete(socket);
      other()?.destroy();
    });
  };
  const server = createServer((client) => {
    if (!whole) return void client.destroy();
    const upstream = connect(typeof toPort === 'number' ? toPort : toPort(), '127.0.0.1');
    track(client, () => upstream);
    track(upstream, () => client);
    client.on('data', (chunk) => hung.has(client) || upstream.write(chunk));
    upstream.on('data', (chunk) => hung.has(client) || client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      whole = false;
      end();
    },
    mend() {
      whole = true;
    },
    hang() {
      for (const socket of open) hung.add(socket);
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      end();
      await closed;
    },
  };
}
