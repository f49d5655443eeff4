import { randomBytes } from 'node:crypto';

/** Random and long enough that two never share one. */
export const randomName = (): string => randomBytes(9).toString('base64url');
