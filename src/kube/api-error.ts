/** What the API server says about a call that it refused (kind Status). */
export interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Of a body that is not a Status, such as a proxy's page, no more than this many characters are told. */
const MAX_FOREIGN_TEXT = 300;

/** The API server answered, and said no. The message names the call, the status and the server's reason. */
export class ApiError extends Error {
  /** HTTP status, such as 404. */
  readonly status: number;
  /** Kubernetes' word for it, such as NotFound; empty where it gave none. */
  readonly reason: string;

  constructor(call: string, status: number, body: Status) {
    super(`${call}: ${status} ${body.message ?? body.reason ?? 'without a message'}`);
    this.name = 'ApiError';
    this.status = status;
    this.reason = body.reason ?? '';
  }
}

const FOREIGN_CA = 'its certificate is not signed by the CA of the cluster';

/** Node's own words for these tell how to trust more, which is not what is wrong. */
const TLS_FAILURES: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: FOREIGN_CA,
  SELF_SIGNED_CERT_IN_CHAIN: FOREIGN_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: FOREIGN_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: FOREIGN_CA,
  CERT_SIGNATURE_FAILURE: FOREIGN_CA,
  CERT_NOT_YET_VALID:
    'its certificate is not valid yet: the clock here is behind, or the one there was ahead',
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock here is ahead',
};

/** The API server could not be reached, did not answer in time, or its certificate is not the cluster's. */
export class ConnectionError extends Error {
  /** The system's or TLS's code, such as ECONNREFUSED; empty where there is none. */
  readonly code: string;

  constructor(call: string, cause: unknown) {
    const code = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? '') : '';
    super(`${call}: ${TLS_FAILURES[code] ?? (cause instanceof Error ? cause.message : String(cause))}`, {
      cause,
    });
    this.name = 'ConnectionError';
    this.code = code;
  }
}

/** The Status in the body of a refusal; whatever else the body is becomes its message, cut short. */
export function statusFrom(text: string): Status {
  try {
    return statusOf(JSON.parse(text));
  } catch {
    const message = (failedChecks(text) ?? text).trim().slice(0, MAX_FOREIGN_TEXT);
    return message === '' ? {} : { message };
  }
}

/** Of the answer of a health endpoint, such as /readyz, the checks that do not pass: lines of the form `[-]NAME failed`. */
function failedChecks(text: string): string | undefined {
  const names = [...text.matchAll(/^\[-\](\S+)/gm)].map(([, name]) => name);
  return names.length === 0 ? undefined : `not ready: ${names.join(', ')}`;
}

/** The fields of a Status, from an object of unknown shape. */
export function statusOf(value: unknown): Status {
  if (typeof value !== 'object' || value === null) return {};
  const { code, reason, message } = value as Record<string, unknown>;
  return {
    ...(typeof code === 'number' ? { code } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}
