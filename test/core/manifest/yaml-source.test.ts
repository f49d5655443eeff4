import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readYaml } from '../../../src/core/manifest/yaml-source.ts';

const read = (text: string) => readYaml({ file: 'f.yaml', text });

describe('input that is not plain YAML within bounds', () => {
  it.each([
    ['an empty file', '', 'SERIN_DOCUMENT_INVALID', 1, 1],
    ['only a comment', '# nothing\n', 'SERIN_DOCUMENT_INVALID', 1, 1],
    ['broken flow', 'a: [1', 'SERIN_YAML_SYNTAX', 1, 6],
    ['broken block', 'a: b: c', 'SERIN_YAML_SYNTAX', 1, 5],
    ['a duplicate key', 'a: 1\nb:\n  weight: 1\n  weight: 2', 'SERIN_YAML_REFUSED', 4, 3],
    ['an anchor', 'a: &x 1', 'SERIN_YAML_REFUSED', 1, 5],
    ['an alias', 'a: *nobody', 'SERIN_YAML_REFUSED', 1, 5],
    ['a tag', 'a: !!js/function x', 'SERIN_YAML_REFUSED', 1, 4],
    ['a directive', '%YAML 1.1\n---\na: 1', 'SERIN_YAML_REFUSED', 1, 1],
    ['a forbidden key', 'a:\n  __proto__: {}', 'SERIN_YAML_REFUSED', 2, 3],
    ['a complex key', '? [a]\n: 1', 'SERIN_YAML_REFUSED', 1, 3],
    ['900 nested brackets', `${'['.repeat(900)}${']'.repeat(900)}`, 'SERIN_YAML_TOO_LARGE', 1, 32],
    ['257 KiB', 'a'.repeat(257 * 1024), 'SERIN_YAML_TOO_LARGE', 1, 1],
    ['10 MB', 'a: "x"\n'.repeat(1_500_000), 'SERIN_YAML_TOO_LARGE', 1, 1],
    ['101 documents', 'a: 1\n---\n'.repeat(101), 'SERIN_YAML_TOO_LARGE', 1, 1],
  ])('%s is refused with its place', (_name, text, code, line, column) => {
    const { documents, errors } = read(text);
    expect(documents).toEqual([]);
    expect(errors[0]).toMatchObject({ code, place: { file: 'f.yaml', line, column } });
  });

  it('an alias bomb costs nothing: it is refused before anything is expanded', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const c of 'bcdefgh') bomb.push(`${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]`);
    expect(read(bomb.join('\n')).errors[0]?.message).toContain('not allowed');
  });

  it('the nested-bracket file can be read again and again without harm', () => {
    for (let i = 0; i < 50; i += 1) expect(read(`${'['.repeat(900)}${']'.repeat(900)}`).errors).toHaveLength(1);
  });
});

describe('places', () => {
  const text = 'a: 1\nsteps:\n  - weight: 5\n    names: [x, yy]\n---\nkind: Route\nspec: { q: "z" }\n';

  it('are right in every document of a file', () => {
    const [first, second] = read(text).documents;
    expect(first?.placeOf('steps[0].names[1]')).toMatchObject({ line: 4, column: 16 });
    expect(second?.placeOf('spec.q')).toMatchObject({ line: 7, column: 12 });
    expect(second?.keyPlaceOf('spec.q')).toMatchObject({ line: 7, column: 9 });
  });

  it('fall back to the nearest parent for what is missing', () => {
    expect(read(text).documents[0]?.placeOf('steps[0].hold.x')).toMatchObject({ line: 3, column: 5 });
    expect(read(text).documents[1]?.placeOf('nothing.here')).toMatchObject({ line: 6, column: 1 });
  });

  it('survive a byte order mark and Windows line ends', () => {
    expect(read('\uFEFFa: 1\r\nb: 2\r\n').documents[0]?.placeOf('b')).toMatchObject({ line: 2, column: 4 });
  });

  it('each document keeps its own text', () => {
    const [first, second] = read(text).documents;
    expect(first?.source).toContain('weight: 5');
    expect(first?.source).not.toContain('Route');
    expect(second?.source.trim().startsWith('kind: Route')).toBe(true);
  });
});

describe('any input', () => {
  it('is either read or refused with a place inside the file, and never throws', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      ':',
      ' ',
      '\n',
      '-',
      '[',
      ']',
      '{',
      '}',
      '&x',
      '*x',
      '!',
      '"',
      "'",
      '|',
      '>',
      '#',
      '%',
      '?',
      '---\n',
      '\t',
      '1e400',
      'null',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = pieces.join('');
        const { documents, errors } = read(text);
        expect(documents.length === 0).toBe(errors.length > 0);
        for (const { place } of errors) {
          expect(place?.line).toBeGreaterThanOrEqual(1);
          expect(place?.line).toBeLessThanOrEqual(text.split('\n').length + 1);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
