import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { requestShape } from '../../../src/adapters/xds/request-shape.ts';

const delta = loadProtoBundle().type('envoy.service.discovery.v3.DeltaDiscoveryRequest');

it('bytes that are no message have no shape', () => {
  expect(requestShape(Buffer.from('ffffffff', 'hex'), 'sotw')).toBeNull();
  expect(requestShape(Buffer.from([0x1a, 0x7f]), 'sotw')).toBeNull();
});

it('counts the longest list, whatever else is in the message', () => {
  const list = fc.array(fc.string({ minLength: 1 }), { maxLength: 20 });
  fc.assert(
    fc.property(list, list, fc.uniqueArray(fc.string(), { maxLength: 20 }), fc.string(), (add, drop, held, id) => {
      const message = delta.fromObject({
        node: { id },
        typeUrl: 'type',
        resourceNamesSubscribe: add,
        resourceNamesUnsubscribe: drop,
        initialResourceVersions: Object.fromEntries(held.map((name) => [name, '1'])),
      });
      const shape = requestShape(Buffer.from(delta.encode(message).finish()), 'delta');
      expect(shape?.entries).toBe(Math.max(1, add.length, drop.length, new Set(held).size));
      expect(shape?.nodeBytes).toBeGreaterThanOrEqual(Buffer.byteLength(id));
    }),
  );
});
