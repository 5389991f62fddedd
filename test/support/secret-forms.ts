import { createPrivateKey } from 'node:crypto';

/** What must be seen nowhere, as whoever leaked it could have written it. */
export interface KnownSecret {
  readonly name: string;
  readonly forms: readonly string[];
}

/** A private key in PKCS #8, P-256. Its certificate shows the rest of it, so only its secret number is looked for. */
export function knownKey(name: string, pem: string): KnownSecret {
  const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' });
  const number = Buffer.from(d, 'base64url');
  // Of the second line, that part of the PEM text which is the number's alone: for what encodes the text again.
  const secondLine = pem.split('\n')[2]!.slice(0, 24);
  return { name, forms: [...formsOf(number), ...formsOf(Buffer.from(secondLine))] };
}

/** A token or a password: any text that is secret from its first letter to its last. */
export function knownText(name: string, text: string): KnownSecret {
  const part = text.slice(0, 40);
  return { name, forms: formsOf(Buffer.from(part)) };
}

/** A JSON Web Token; its signature is what makes it one. */
export function knownJwt(name: string, token: string): KnownSecret {
  return knownText(name, token.split('.')[2]!);
}

/** Names of the secrets that the text shows, in whatever form, also broken into lines. */
export function secretsIn(text: string, secrets: readonly KnownSecret[]): string[] {
  const joined = text.replaceAll(/\\[nr]|\s/g, '');
  return secrets.filter(({ forms }) => forms.some((form) => joined.includes(form))).map(({ name }) => name);
}

/** Bytes as text, in hexadecimal, and in base64 from wherever in a longer text they begin. */
function formsOf(bytes: Buffer): string[] {
  const inBase64 = [0, 1, 2].flatMap((before) =>
    (['base64', 'base64url'] as const).map((encoding) =>
      // What the neighbours share of the first and last letters is left out.
      Buffer.concat([Buffer.alloc(before), bytes])
        .toString(encoding)
        .slice(4, -4),
    ),
  );
  const hex = bytes.toString('hex');
  return [bytes.toString('latin1'), hex, hex.toUpperCase(), ...inBase64];
}
