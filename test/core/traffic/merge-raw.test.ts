import { describe, expect, it } from 'vitest';
import { mergeRaw } from '../../../src/core/traffic/merge-raw.ts';

describe('a patch of a resource', () => {
  const resource = { name: 'a', inside: { kept: 1, said: 2 }, list: [1, 2], literal: 'x' };

  it('changes nothing where there is none', () => {
    expect(mergeRaw(resource, undefined)).toBe(resource);
  });

  it('goes into messages field by field, and takes the place of lists and values', () => {
    expect(mergeRaw(resource, { inside: { said: 3, more: 4 }, list: [3] })).toEqual({
      ...resource,
      inside: { kept: 1, said: 3, more: 4 },
      list: [3],
    });
  });

  it('takes away the member of a oneof that another one displaces, and leaves no trace of one that is not there', () => {
    expect(mergeRaw(resource, { literal: null, header: 'y', regex: null })).toEqual({
      name: 'a',
      inside: { kept: 1, said: 2 },
      list: [1, 2],
      header: 'y',
    });
  });

  it('goes into an extension of its own type, and takes the place of one of another', () => {
    const socket = { socket: { '@type': 'a', one: 1 } };
    expect(mergeRaw(socket, { socket: { '@type': 'a', two: 2 } })).toEqual({
      socket: { '@type': 'a', one: 1, two: 2 },
    });
    expect(mergeRaw(socket, { socket: { '@type': 'b', two: 2 } })).toEqual({ socket: { '@type': 'b', two: 2 } });
  });

  it('keeps what has a name that every object knows', () => {
    expect(mergeRaw({ filters: { toString: 1 } }, { filters: { other: 2 } })).toEqual({
      filters: { toString: 1, other: 2 },
    });
  });

  it('leaves the resource as it was', () => {
    mergeRaw(resource, { inside: { said: 3 }, literal: null });
    expect(resource.inside.said).toBe(2);
    expect(resource.literal).toBe('x');
  });
});
