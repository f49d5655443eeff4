import { openRawEnvoy } from '../fanout/raw-envoy.ts';

/** Envoys of fleet `edge`, ten on their way at a time. `tsx envoys.ts <port> <nodes>`; prints one line when all have routes. */
const [port, nodes] = [Number(process.argv[2]), Number(process.argv[3])];
const AT_ONCE = 10;
let [ready, opened] = [0, 0];

function openMore(): void {
  while (opened < nodes && opened - ready < AT_ONCE) {
    opened += 1;
    openRawEnvoy({
      port,
      nodeId: `edge-${opened}`,
      fleet: 'edge',
      types: [
        ['cluster', []],
        ['route', ['edge']],
      ],
      onReady: () => {
        ready += 1;
        openMore();
        if (ready === nodes) console.log(JSON.stringify({ ready }));
      },
      onError: (error) => {
        console.error(error.message);
        process.exit(1);
      },
    });
  }
}
openMore();
