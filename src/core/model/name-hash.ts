/** FNV-1a of a name, 32 bits; not negative. For spread alone: whoever wants two of one hash finds them. */
export function nameHash(name: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01_00_01_93);
  return hash >>> 0;
}
