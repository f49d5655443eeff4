import { describe, expect, it } from 'vitest';
import { redisAddress } from '../../../src/adapters/store/redis-address.ts';

describe('address of a Redis', () => {
  it('is a unix socket', () => {
    expect(redisAddress({ socketPath: '/run/redis.sock' })).toEqual({ path: '/run/redis.sock' });
  });

  it('is a URL with everything in it', () => {
    expect(redisAddress({ url: 'rediss://serin:p%40ss@redis.example.com:6380/3' })).toEqual({
      host: 'redis.example.com',
      port: 6380,
      db: 3,
      username: 'serin',
      password: 'p@ss',
      tls: {},
    });
  });

  it('has defaults, and takes IPv6', () => {
    expect(redisAddress({ url: 'redis://localhost' })).toEqual({ host: 'localhost', port: 6379, db: 0 });
    expect(redisAddress({ url: 'redis://[::1]:7000' })).toEqual({ host: '::1', port: 7000, db: 0 });
  });

  it('passes certificates on', () => {
    expect(redisAddress({ url: 'rediss://r', tls: { ca: 'CA' } }).tls).toEqual({ ca: 'CA' });
  });

  it.each(['', 'localhost:6379', 'http://r', 'redis://r/x', 'redis://r/-1', 'redis://r/1.5'])('refuses "%s"', (url) => {
    expect(() => redisAddress({ url })).toThrow(TypeError);
  });

  it('never quotes a URL that may hold a password', () => {
    expect(() => redisAddress({ url: 'htp://user:secret@host' })).toThrow(/^(?!.*secret)/);
  });
});
