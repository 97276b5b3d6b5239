import { createPublicKey, verify } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { type Asn1, bytesOf, children, fromDer, oidOf, toDer } from './asn1.ts';
import type { Names } from './x509.ts';

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALT_NAME = '2.5.29.17';
/** Tags of GeneralName (RFC 5280, 4.2.1.6). */
const TAG = { dns: 2, ip: 7 } as const;
const SIGNATURES: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.113549.1.1.11': 'sha256',
};

/** What a certificate request (RFC 2986) asks for. */
export interface ParsedRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Whether the subject holds anything beside one common name and organizations. */
  readonly otherNames: boolean;
  /** DNS names and IP addresses that it asks for. */
  readonly names: Names;
  /** Whether it asks for anything beside these, such as other kinds of names, or to be an authority. */
  readonly extensions: boolean;
}

/** @throws Error when it is not a request, or not signed with the key that it asks a certificate for */
export function parseCertificateRequest(pem: string): ParsedRequest {
  const body = /-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----/.exec(
    pem,
  )?.[1];
  if (body === undefined) throw new Error('not a certificate request in PEM');
  const [info, algorithm, signature] = children(fromDer(Buffer.from(body, 'base64')));
  const [, subject, spki, attributes] = children(info);
  if (info === undefined || spki === undefined) throw new Error('a certificate request without a key');
  const hash = SIGNATURES[oidOf(children(algorithm)[0])];
  const key = createPublicKey({ key: toDer(spki), format: 'der', type: 'spki' });
  if (hash === undefined || !verify(hash, toDer(info), key, bytesOf(signature).subarray(1))) {
    throw new Error('the request is not signed with its own key');
  }
  const names = children(subject).flatMap((rdn) => children(rdn).map(attributeOf));
  const commonNames = names.filter(({ oid }) => oid === COMMON_NAME);
  const organizations = names.filter(({ oid }) => oid === ORGANIZATION).map(({ value }) => value);
  return {
    commonName: commonNames[0]?.value ?? '',
    organizations,
    otherNames: commonNames.length !== 1 || names.length !== commonNames.length + organizations.length,
    ...wishesOf(attributes === undefined ? [] : children(attributes)),
  };
}

/** What the attributes of a request ask for (PKCS #9, extensionRequest). */
function wishesOf(attributes: readonly Asn1[]): Pick<ParsedRequest, 'names' | 'extensions'> {
  const dns: string[] = [];
  const ips: string[] = [];
  let extensions = false;
  for (const attribute of attributes) {
    const [oid, values] = children(attribute);
    if (oidOf(oid) !== EXTENSION_REQUEST) extensions = true;
    else {
      for (const extension of children(values).flatMap(children)) {
        const parts = children(extension);
        if (oidOf(parts[0]) === SUBJECT_ALT_NAME) extensions ||= !collectNames(parts.at(-1), dns, ips);
        else extensions = true;
      }
    }
  }
  return { names: { dns, ips }, extensions };
}

/** @returns false when there are names of other kinds than DNS names and IP addresses */
function collectNames(value: Asn1 | undefined, dns: string[], ips: string[]): boolean {
  let plain = true;
  for (const name of children(fromDer(bytesOf(value)))) {
    if (Number(name.type) === TAG.dns) dns.push(bytesOf(name).toString('latin1').toLowerCase());
    else if (Number(name.type) === TAG.ip) ips.push(ipaddr.fromByteArray([...bytesOf(name)]).toString());
    else plain = false;
  }
  return plain;
}

function attributeOf(attribute: Asn1): { readonly oid: string; readonly value: string } {
  const [oid, value] = children(attribute);
  return { oid: oidOf(oid), value: bytesOf(value).toString('utf8') };
}
