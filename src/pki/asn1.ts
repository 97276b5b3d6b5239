import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

export type Asn1 = forge.asn1.Asn1;

/** Builders of the ASN.1 that certificates and requests are made of (RFC 5280, RFC 2986). */

export function sequence(...items: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, items);
}

export function set(...items: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, items);
}

export function integer(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.INTEGER, false, bytes.toString('latin1'));
}

export function boolean(value: boolean): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.BOOLEAN, false, value ? '\u00ff' : '\u0000');
}

export function nullValue(): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.NULL, false, '');
}

export function objectIdentifier(oid: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(oid).getBytes());
}

export function utf8String(text: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.UTF8, false, forge.util.encodeUtf8(text));
}

export function octetString(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, bytes.toString('latin1'));
}

/** Bits of whole bytes, or fewer when `unused` of the last one do not count. */
export function bitString(bytes: Buffer, unused = 0): Asn1 {
  const content = Buffer.concat([Buffer.from([unused]), bytes]).toString('latin1');
  return asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, content);
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280, 4.1.2.5). */
export function time(date: Date): Asn1 {
  if (date.getUTCFullYear() < 2050) {
    return asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date) as unknown as string);
  }
  return asn1.create(
    Class.UNIVERSAL,
    Type.GENERALIZEDTIME,
    false,
    asn1.dateToGeneralizedTime(date) as unknown as string,
  );
}

/** [number] around other values. */
export function explicit(number: number, ...items: Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number as forge.asn1.Type, true, items);
}

/** [number] in place of a primitive value's own tag. */
export function implicit(number: number, bytes: Buffer): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number as forge.asn1.Type, false, bytes.toString('latin1'));
}

export function toDer(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

/** @throws Error when the bytes are not DER */
export function fromDer(der: Buffer): Asn1 {
  return asn1.fromDer(forge.util.createBuffer(der.toString('latin1')), {
    strict: true,
    decodeBitStrings: false,
  } as never);
}

/** The values inside a constructed one. @throws Error for a primitive one */
export function children(value: Asn1 | undefined): Asn1[] {
  if (value === undefined || !Array.isArray(value.value))
    throw new Error('ASN.1: a constructed value was expected');
  return value.value;
}

/** The bytes of a primitive value. @throws Error for a constructed one */
export function bytesOf(value: Asn1 | undefined): Buffer {
  if (value === undefined || typeof value.value !== 'string')
    throw new Error('ASN.1: a primitive value was expected');
  return Buffer.from(value.value, 'latin1');
}

export function oidOf(value: Asn1 | undefined): string {
  return asn1.derToOid(forge.util.createBuffer(bytesOf(value).toString('latin1')));
}

export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
