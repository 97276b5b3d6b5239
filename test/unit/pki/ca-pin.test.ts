import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { caCertificateHash, certificatesOf, checkCaPin, parseCaPin } from '../../../src/pki/ca-pin.ts';

// Made by openssl; the hashes are those of `openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum`.
const ECDSA = `-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUQccHaj2EZ6J31D3eLC3cbmvA02AwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjExMjAxMjNaGA8yMTI2MTAy
ODEyMDEyM1owFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABFvkc8ScRG1fqHUaAHCOChq/0w0mUXU+F3zbug89RWyFqkXBgWzC
M+XQYoMXhGFak3DkoaOMTLqkoO9LpUspocajUzBRMB0GA1UdDgQWBBSKM1NanBJx
mhlRA6mG6xxUj6XWGzAfBgNVHSMEGDAWgBSKM1NanBJxmhlRA6mG6xxUj6XWGzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIA4185M54FThZlSoRGR3
Fj2j6bGAnbzzVEJhzuAGJj8mAiEAoCdGuhXT6FLDdqqLDwynR+U2neb8L5IxOAX5
uGITwFY=
-----END CERTIFICATE-----
`;
const ECDSA_HASH = 'sha256:0f0a8b237e97d6a77450711a0a81464d0ec8a61cf5d8405e8603d45a7f960a3b';
const RSA = `-----BEGIN CERTIFICATE-----
MIIDDTCCAfWgAwIBAgIUBpZvbDJQE6Um08q0hS2oLWTozUwwDQYJKoZIhvcNAQEL
BQAwFTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjExMjAxMjNaGA8yMTI2
MTAyODEyMDEyM1owFTETMBEGA1UEAwwKa3ViZXJuZXRlczCCASIwDQYJKoZIhvcN
AQEBBQADggEPADCCAQoCggEBAM4vqenj/ewenJa4XbTh8a3kdbRgnuVg1WduwZyn
IjCnDUY23iZ483gE5goH7yHp3z65Pa0fn+Ex5TwwcX03scMSyphlZx8DIkLk2rT9
XPnaIh1yaBf6DRHIMJno33V1E0aFpKS/bXPnCBGGTTR8xekez6eSg11pS4beVo3e
EsYI764grPRgeuBGMu46Pz6pflaHogIurwWfrXuB2TBx7Di8nPnTlYkCaWvZ/VrK
cr+zPXppgvEMQJAQz9v90qsln7WQpc7vLmvPE3g3ub2k58eG9WIXP6arYjlUO+g6
v+c4T6rpPwYjZztr2ycp4WCeaGWWm2VO/DOIGhl+ET7sAhMCAwEAAaNTMFEwHQYD
VR0OBBYEFGqlPTKxoh/EPO0uOVIaBL9LQWQhMB8GA1UdIwQYMBaAFGqlPTKxoh/E
PO0uOVIaBL9LQWQhMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEB
AF6X8TwkE+aUtxP6kyOC/uuabKDWReL8lxZDSwWtByum8j4n7c/xCq10AimdRUqh
UlsI+Llr9bDfGJfxBDJLZDybOZSACPDCWbKVGk5HP/sw2SBvkusNZHCp0JQUBqZd
c9gb2jxXAWG3pMHTRbXV8xdpiVxOkaQxDYX6th4IbMNIixZILpeOoyqAr9zH2rJ1
EQDZwEmnk+m/RBBd8bQ45AFxbMfs9M4efZ7skls1YHGOqWXrL8fT752jC3iUV3jd
a2VSwfqde1/ArEzhxxffoy80SGiTwNUhY5KhYQ9vY0qImAumoroZso5IvaW5Cvre
ddpTEXKJQy/7IM19tlYhqsQ=
-----END CERTIFICATE-----
`;
const RSA_HASH = 'sha256:b9adeaaacf21ba671a33f43bba16660a85d2f12113d4a607ae4767dccada1cf7';
const OTHER_HASH = `sha256:${'0'.repeat(64)}`;

describe('the hash of a CA certificate', () => {
  test.each([
    ['ECDSA', ECDSA, ECDSA_HASH],
    ['RSA', RSA, RSA_HASH],
  ])('is what openssl computes (%s)', (_, certificate, hash) => {
    expect(caCertificateHash(certificate)).toBe(hash);
  });

  test('is read whatever the case of its digits', () => {
    expect(parseCaPin(` ${ECDSA_HASH.toUpperCase().replace('SHA256', 'sha256')}\n`)).toBe(ECDSA_HASH);
  });

  test.each(['', 'sha256:', 'sha256:12', 'md5:0f0a8b237e97d6a7', ECDSA_HASH.slice(7), `${ECDSA_HASH}0`])(
    'is refused as %j',
    (text) => {
      expect(() => parseCaPin(text)).toThrow(UserError);
    },
  );
});

describe('pinning a CA', () => {
  test('believes the one that has one of the hashes', () => {
    expect(() => checkCaPin([ECDSA], [OTHER_HASH, ECDSA_HASH])).not.toThrow();
  });

  test('refuses another one, and tells the hash that it found', () => {
    expect(() => checkCaPin([ECDSA], [RSA_HASH])).toThrow(ECDSA_HASH);
  });

  test('refuses everything when there is no hash', () => {
    expect(() => checkCaPin([ECDSA], [])).toThrow(UserError);
  });

  test('refuses a bundle in which one certificate is not pinned', () => {
    expect(() => checkCaPin([ECDSA, RSA], [ECDSA_HASH])).toThrow(RSA_HASH);
    expect(() => checkCaPin([ECDSA, RSA], [ECDSA_HASH, RSA_HASH])).not.toThrow();
  });
});

describe('the certificates of a PEM text', () => {
  test('are all that are in it, and nothing else of it', () => {
    const hidden = RSA.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE');
    expect(certificatesOf(`${ECDSA}text\n${hidden}`)).toEqual([ECDSA]);
    expect(certificatesOf(ECDSA + RSA)).toEqual([ECDSA, RSA]);
  });

  test('are missed with a message a user can act on', () => {
    expect(() => certificatesOf('')).toThrow(UserError);
    expect(() => certificatesOf(ECDSA.replace('MIIB', 'AAAA'))).toThrow(UserError);
  });
});
