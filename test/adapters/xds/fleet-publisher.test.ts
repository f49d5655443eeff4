import { describe, expect, it } from 'vitest';
import { createFleetPublisher } from '../../../src/adapters/xds/fleet-publisher.ts';
import type { OwnerTraffic } from '../../../src/core/model/traffic.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { simCodec } from '../../sim/sim-codec.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { fakeStore } from '../../support/fake-store.ts';
import { quiet } from '../../support/quiet-logger.ts';
import { type LogLine, memoryLogger } from './stage.ts';

const listener = (port: number): OwnerTraffic => ({ kind: 'listener', listener: 'edge', address: '127.0.0.1', port });

function stage(more: Partial<Parameters<typeof createFleetPublisher>[0]> = {}) {
  const clock = fakeClock();
  const store = fakeStore(clock);
  let encoded = 0;
  const publisher = createFleetPublisher({
    fleet: 'edge',
    traffic: store.traffic,
    replication: null,
    codec: {
      ...simCodec,
      encodeResource: (...resource) => {
        encoded += 1;
        return simCodec.encodeResource(...resource);
      },
    },
    clock,
    logger: quiet,
    publish: () => undefined,
    ...more,
  });
  const commit = (port: number) =>
    store.records.commit({
      ...EMPTY_COMMIT,
      traffic: [{ fleet: 'edge', owner: 'listener/edge', value: listener(port) }],
    });
  return { publisher, commit, encoded: () => encoded };
}

describe('a fleet publisher', () => {
  it('is loaded before it has encoded anything, and encodes when an Envoy asks', async () => {
    const { publisher, commit, encoded } = stage();
    await commit(8_080);
    await publisher.refresh();
    expect(publisher.loaded()).toBe(true);
    expect(encoded()).toBe(0);
    expect(publisher.snapshot('n1')?.position.n).toBe(1);
    expect(encoded()).toBeGreaterThan(0);
  });

  it('tells what was published first also when nobody has asked for it', async () => {
    const { publisher, commit } = stage();
    await commit(8_080);
    await publisher.refresh();
    const position = publisher.table()?.position;
    expect(position && publisher.history.ofPosition('listener', position, 'n1')).toHaveLength(1);
  });

  it('does not leave the first one out when a second follows', async () => {
    const { publisher, commit } = stage();
    await commit(8_080);
    await publisher.refresh();
    const first = publisher.table()?.position;
    await commit(8_081);
    await publisher.refresh();
    expect(publisher.snapshot('n1')?.position.n).toBe(2);
    expect(first && publisher.history.ofPosition('listener', first, 'n1')).toHaveLength(1);
  });

  it('encodes at once what follows, and only once', async () => {
    const { publisher, commit, encoded } = stage();
    await commit(8_080);
    await publisher.refresh();
    publisher.prepare();
    await commit(8_081);
    await publisher.refresh();
    const after = encoded();
    publisher.prepare();
    publisher.snapshot('n1');
    expect(encoded()).toBe(after);
    expect(publisher.snapshot('n1')?.position.n).toBe(2);
  });

  it('says so and serves nothing when the first table cannot be encoded', async () => {
    const lines: LogLine[] = [];
    const codec = {
      ...simCodec,
      encodeResource: () => {
        throw new TypeError('no such field');
      },
    };
    const { publisher, commit } = stage({ codec, logger: memoryLogger(lines) });
    await commit(8_080);
    await publisher.refresh();
    publisher.prepare();
    expect(publisher.snapshot('n1')).toBeNull();
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('gives the first table to whoever waits for it', async () => {
    const asked: (number | undefined)[] = [];
    const { publisher, commit } = stage({
      publish: () => asked.push(publisher.snapshot('n1')?.position.n),
    });
    await commit(8_080);
    await publisher.refresh();
    expect(asked).toEqual([1]);
  });

  it('says of a store that lost something first that, also when a newer Serin has written in it meanwhile', async () => {
    const frozen = { kind: 'unavailable', detail: 'the store has lost commits', frozen: true } as const;
    const newer = { kind: 'unavailable', detail: 'of a newer Serin', newer: true } as const;
    const answers: (typeof frozen | typeof newer)[] = [];
    const clock = fakeClock();
    const inner = fakeStore(clock).traffic;
    const traffic = { ...inner, table: async (fleet: string) => answers.shift() ?? inner.table(fleet) };
    const { publisher } = stage({ clock, traffic });
    await publisher.refresh();
    answers.push(newer, frozen, newer);
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 3; i += 1) {
      await publisher.refresh();
      codes.push(publisher.refusal()?.errors[0]?.code);
    }
    expect(codes).toEqual(['SERIN_SCHEMA_NEWER', 'SERIN_STORE_REGRESSED', 'SERIN_STORE_REGRESSED']);
    expect(publisher.regressed()).toBe(true);
  });
});
