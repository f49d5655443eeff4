import type { VirtualHost } from '../envoy-resources.ts';

export interface ChosenHost {
  readonly host: VirtualHost;
  /** Which of its domains it was. */
  readonly domain: string;
}

/** The virtual host of a request: an exact domain, then the longest `*.suffix`, the longest `prefix.*`, then `*`. */
export function chooseHost(hosts: readonly VirtualHost[], authority: string, ignorePort: boolean): ChosenHost | null {
  const name = (ignorePort ? withoutPort(authority) : authority).toLowerCase();
  const all = hosts.flatMap((host) => host.domains.map((domain) => ({ host, domain, text: domain.toLowerCase() })));
  const exact = all.find(({ text }) => text === name);
  if (exact !== undefined) return exact;
  const longest = all.toSorted((a, b) => b.text.length - a.text.length);
  // A wildcard stands for at least one character.
  const fits = (part: string, there: boolean) => there && part.length > 0 && part.length < name.length;
  return (
    longest.find(({ text }) => text.startsWith('*') && fits(text.slice(1), name.endsWith(text.slice(1)))) ??
    longest.find(({ text }) => text.endsWith('*') && fits(text.slice(0, -1), name.startsWith(text.slice(0, -1)))) ??
    all.find(({ text }) => text === '*') ??
    null
  );
}

/** An IPv6 address has colons of its own, inside brackets. */
function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  const isPort = colon > authority.lastIndexOf(']') && colon + 1 <= authority.length - 1;
  return colon !== -1 && isPort ? authority.slice(0, colon) : authority;
}
