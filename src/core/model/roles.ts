/** What a replica does. Every replica has all of them, unless told otherwise. */
export const ROLES = ['api', 'scheduler', 'xds'] as const;
export type Role = (typeof ROLES)[number];

/** `api,xds` as a list, each once; `null`: that names none, or something else. */
export function parseRoles(text: string): readonly Role[] | null {
  const names = text.split(',').map((name) => name.trim());
  const roles = ROLES.filter((role) => names.includes(role));
  return roles.length > 0 && names.every((name) => ROLES.some((role) => role === name)) ? roles : null;
}
