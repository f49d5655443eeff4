import type { HostPort } from './documents.ts';

const DNS_LABEL = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;

/** `10.0.0.1:8080`, `[2001:db8::1]:8080` or `name.example:8080`; `null` when it is none of them. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const host = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) return null;
  const valid = match[1] === undefined ? isIpv4(host) || isDnsName(host) : isIpv6(host);
  return valid ? { host, port } : null;
}

export function isIp(host: string): boolean {
  return isIpv4(host) || isIpv6(host);
}

/** Without leading zeros: Envoy refuses `010.0.0.1`, and others would read it as octal. */
function isIpv4(host: string): boolean {
  const parts = host.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(host: string): boolean {
  if (!host.includes(':') || !/^[0-9A-Fa-f:.]+$/.test(host) || host.includes(':::')) return false;
  const halves = host.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const embedded = last !== undefined && isIpv4(last);
  const count = groups.length + (embedded ? 1 : 0);
  const hex = embedded ? groups.slice(0, -1) : groups;
  return hex.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group)) && (halves.length === 2 ? count < 8 : count === 8);
}

/** All-digit last labels are refused: `10.0.0.300` is a mistyped address, no name. */
function isDnsName(host: string): boolean {
  const labels = host.split('.');
  return host.length <= 253 && labels.every((label) => DNS_LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}
