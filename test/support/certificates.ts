import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** Certificates as a test needs them, made on the spot: X.509 v3, ECDSA with SHA-256 on P-256 (RFC 5280). */
export interface Issued {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Authority extends Issued {
  issue(name: string, validity?: Validity): Issued;
}

export interface Validity {
  readonly fromMs?: number;
  readonly toMs?: number;
}

const DAY_MS = 86_400_000;
const ECDSA_SHA256 = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
let serial = 0;

export function authority(name: string): Authority {
  const key = newKey();
  const own = certificate({ subject: name, issuer: name, key, signer: key, isAuthority: true }, {});
  return {
    ...own,
    issue: (subject, validity = {}) => {
      return certificate({ subject, issuer: name, key: newKey(), signer: key, isAuthority: false }, validity);
    },
  };
}

function newKey(): KeyObject {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

function certificate(
  of: { subject: string; issuer: string; key: KeyObject; signer: KeyObject; isAuthority: boolean },
  { fromMs = Date.now() - DAY_MS, toMs = Date.now() + 365 * DAY_MS }: Validity,
): Issued {
  serial += 1;
  const basic = extension(oid(2, 5, 29, 19), sequence(...(of.isAuthority ? [der(0x01, Buffer.from([0xff]))] : [])));
  const names = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
  const body = sequence(
    der(0xa0, integer(2)),
    integer(serial),
    ECDSA_SHA256,
    commonName(of.issuer),
    sequence(time(fromMs), time(toMs)),
    commonName(of.subject),
    createPublicKey(of.key).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(basic, extension(oid(2, 5, 29, 17), names))),
  );
  const signature = sign('sha256', body, of.signer);
  const whole = sequence(body, ECDSA_SHA256, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    privateKey: of.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function der(tag: number, content: Buffer): Buffer {
  const length = content.length;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function integer(value: number): Buffer {
  // A leading zero keeps it positive.
  return der(0x02, Buffer.from([0, value >> 8, value & 0xff]).subarray(value < 128 ? 2 : value < 32_768 ? 1 : 0));
}

function oid(first: number, second: number, ...rest: readonly number[]): Buffer {
  const bytes = rest.flatMap((part) => {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid(2, 5, 4, 3), der(0x0c, Buffer.from(name)))));
}

function time(ms: number): Buffer {
  const text = new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return der(0x18, Buffer.from(text));
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, der(0x04, value));
}
