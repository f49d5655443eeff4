import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nackMessage } from '../../../src/adapters/xds/nack-message.ts';

describe('nackMessage', () => {
  it('keeps a short reason as it is', () => {
    expect(nackMessage('missing ): a((')).toBe('missing ): a((');
  });

  it('drops the dump of the whole resource and keeps the rule that was broken', () => {
    const text =
      'goo.gle/debugproto  name: "edge" request_headers_to_add { header { key: "x" value: "hunter2" } } : ' +
      'Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[0]: embedded message ' +
      'failed validation | caused by WeightedClusterValidationError.Clusters: value must contain at least 1 item(s))';
    expect(nackMessage(text)).toBe(
      'Proto constraint validation failed: WeightedCluster.Clusters: value must contain at least 1 item(s)',
    );
  });

  it('closes no brackets that the rule did not open, however many there are', () => {
    expect(nackMessage(`goo.gle/debugproto : (a)${')'.repeat(200_000)}`)).toBe('(a)');
    expect(nackMessage(`goo.gle/debugproto : ${')'.repeat(200_000)}`)).toBe('Envoy gave no reason');
  });

  it('shows nothing of a dump that ends without a rule', () => {
    expect(nackMessage('goo.gle/debugproto name: "edge" header { key: "x" value: "hunter2" } }')).not.toContain(
      'hunter2',
    );
  });

  it.each(['Bearer abc.def', 'authorization: abc', 'cookie=abc', `key ${'A'.repeat(40)}`])('redacts %s', (text) => {
    expect(nackMessage(text)).toContain('[redacted]');
    expect(nackMessage(text)).not.toMatch(/abc|AAA/);
  });

  it('is never empty, never long, and holds no control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
        const message = nackMessage(text);
        expect(message.length).toBeGreaterThan(0);
        expect(message.length).toBeLessThanOrEqual(300);
        expect(message).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
