import { BENCH } from './bench-table.ts';
import { openRawEnvoy, type RawEnvoy } from './raw-envoy.ts';

/**
 * Many Envoys, each with a connection of its own: they take clusters, endpoints and routes and ACK all that comes.
 * `tsx client.ts <port> <streams> [<at once>]`; prints how long it took until all had their first routes. `at once`:
 * how many may be on their way there; all of them, if it is not given.
 */
const [port, streams] = [Number(process.argv[2]), Number(process.argv[3])];
const atOnce = Number(process.argv[4] ?? streams);
const types: RawEnvoy['types'] = [
  ['cluster', []],
  ['endpoint', [`${BENCH}--canary`, `${BENCH}--stable`]],
  ['route', [BENCH]],
];

let [ready, opened] = [0, 0];
const startMs = performance.now();

function openMore(): void {
  while (opened < streams && opened - ready < atOnce) {
    const nodeId = `envoy-${opened}`;
    opened += 1;
    openRawEnvoy({
      port,
      nodeId,
      fleet: BENCH,
      types,
      onReady: () => {
        ready += 1;
        openMore();
        if (ready === streams) console.log(JSON.stringify({ stormMs: performance.now() - startMs }));
      },
      onError: (error) => {
        console.error(`${nodeId}: ${error.message}`);
        process.exit(1);
      },
    });
  }
}
openMore();
