import { expect } from 'vitest';

interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
  /** By key, what differs from the rest. */
  readonly at: Readonly<Record<string, { readonly relative?: number; readonly absolute?: number }>>;
}

/** The same shape; whole numbers and words exactly, other numbers within the tolerance. */
export function expectClose(got: unknown, wanted: unknown, tolerance: Tolerance, path = ''): void {
  if (typeof wanted === 'number' && typeof got === 'number') {
    const allowed = Math.max(tolerance.absolute, Math.abs(wanted) * tolerance.relative);
    expect(Math.abs(got - wanted), `${path}: ${got} for ${wanted}`).toBeLessThanOrEqual(allowed);
  } else if (Array.isArray(wanted) && Array.isArray(got)) {
    expect(got.length, path).toBe(wanted.length);
    wanted.forEach((one, index) => {
      expectClose(got[index], one, tolerance, `${path}[${index}]`);
    });
  } else if (isRecord(wanted) && isRecord(got)) {
    expect(Object.keys(got).sort(), path).toEqual(Object.keys(wanted).sort());
    for (const [key, one] of Object.entries(wanted)) {
      expectClose(got[key], one, { ...tolerance, ...tolerance.at[key] }, `${path}.${key}`);
    }
  } else expect(got, path).toEqual(wanted);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
