import { openRawEnvoy } from '../fanout/raw-envoy.ts';
import { ENVOYS_PER_FLEET, fleetName, nodeName } from './scene.ts';

/**
 * The Envoys of all fleets, each with a connection of its own; they ask for clusters and routes (the clusters' hosts
 * are DNS names) and ACK all that comes. `tsx envoys.ts <port> <fleets>`; prints one line of JSON when all have theirs.
 */
const [port, fleets] = [Number(process.argv[2]), Number(process.argv[3])];
const expected = fleets * ENVOYS_PER_FLEET;
let ready = 0;

function onError(error: Error): void {
  console.error(error.message);
  process.exit(1);
}

for (let fleet = 0; fleet < fleets; fleet += 1) {
  for (let i = 0; i < ENVOYS_PER_FLEET; i += 1) {
    openRawEnvoy({
      port,
      nodeId: nodeName(fleetName(fleet), i),
      fleet: fleetName(fleet),
      types: [
        ['cluster', []],
        ['route', [fleetName(fleet)]],
      ],
      onReady: () => {
        ready += 1;
        if (ready === expected) console.log(JSON.stringify({ ready }));
      },
      onError,
    });
  }
}
