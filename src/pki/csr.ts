import { createPublicKey, verify } from 'node:crypto';
import { type Asn1, bytesOf, children, fromDer, oidOf, toDer } from './asn1.ts';

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
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
  /** Whether it asks for extensions, such as names and addresses. */
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
    extensions: attributes !== undefined && children(attributes).length > 0,
  };
}

function attributeOf(attribute: Asn1): { readonly oid: string; readonly value: string } {
  const [oid, value] = children(attribute);
  return { oid: oidOf(oid), value: bytesOf(value).toString('utf8') };
}
