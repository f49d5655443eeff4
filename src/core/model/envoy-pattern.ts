import { RE2JS } from 're2js';

/**
 * A pattern as Envoy compiles it. Never by the JavaScript engine, whose own can take for ever. Envoy knows no Unicode in
 * patterns: it takes every byte for a character, so the bytes are what is compiled here.
 */
export function envoyPattern(pattern: string): RE2JS {
  return RE2JS.compile(asBytes(pattern));
}

/** Does all of the text fit? Envoy's patterns are full matches. */
export function fullMatch(pattern: RE2JS, text: string): boolean {
  return pattern.matches(asBytes(text));
}

function asBytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}
