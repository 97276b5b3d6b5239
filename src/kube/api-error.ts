import { EXIT, type ExitCode, messageOf, UserError } from '../errors.ts';

/** What the API server says about a call that it refused (kind Status). */
export interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Of a body that is not a Status, such as a proxy's page, no more than this many characters are told. */
const MAX_FOREIGN_TEXT = 300;

/**
 * A call that came to nothing, which people can mend. The message says so by itself; `detail`, the call and what came of
 * it, is for where it is said already who was asked.
 */
export class CallError extends UserError {
  readonly detail: string;

  constructor(message: string, detail: string, options: ConstructorParameters<typeof UserError>[1]) {
    super(message, options);
    this.detail = detail;
  }
}

/** What came of a call, in a line, for where it is said already who was asked. */
export function detailOf(error: unknown): string {
  const text = error instanceof CallError ? error.detail : messageOf(error);
  return text.split('\n')[0] || 'no answer';
}

/** The API server answered, and said no. The message names the call, the status and the server's reason. */
export class ApiError extends CallError {
  /** HTTP status, such as 404. */
  readonly status: number;
  /** Kubernetes' word for it, such as NotFound; empty where it gave none. */
  readonly reason: string;

  constructor(call: string, status: number, body: Status) {
    const detail = `${call}: ${status} ${body.message ?? body.reason ?? 'without a message'}`;
    const [what, remedy] = meaningOf(status);
    super(`the API server ${what}: ${detail}`, detail, remedy === undefined ? {} : { remedy });
    this.name = 'ApiError';
    this.status = status;
    this.reason = body.reason ?? '';
  }
}

const ADMIN = '--kubeconfig /etc/kubernetes/admin.conf, where the command takes it';
const LOOK = '`journalctl -u kubelet`, and its log /var/log/containers/kube-apiserver-*.log';

function meaningOf(status: number): readonly [what: string, remedy?: string] {
  if (status === 401) {
    return [
      'does not know who asks',
      `the certificate or token is none of this cluster, or not valid any more: give that of an administrator (${ADMIN})`,
    ];
  }
  if (status === 403) {
    return [
      'does not allow this',
      `ask as an administrator (${ADMIN}), or have the right given to this user`,
    ];
  }
  return status < 500 ? ['refuses this'] : ['fails at this', `see why on its control plane: ${LOOK}`];
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

/** A certificate that is not to be trusted is a matter of who answers and of clocks, not of the way there. */
function remedyFor(code: string): string {
  return code in TLS_FAILURES || code.startsWith('ERR_TLS_')
    ? 'check the address, and the clocks here and there (timedatectl)'
    : `check the address, and that nothing between drops its port; if it does not run, see why on its control plane: ${LOOK}`;
}

/** The API server could not be reached, did not answer in time, or its certificate is not the cluster's. */
export class ConnectionError extends CallError {
  /** The system's or TLS's code, such as ECONNREFUSED; empty where there is none. */
  readonly code: string;

  /** @param call its method, and the whole URL without a query */
  constructor(
    { method, url }: { readonly method: string; readonly url: URL },
    cause: unknown,
    exitCode: ExitCode = EXIT.failed,
  ) {
    const code = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? '') : '';
    const why = TLS_FAILURES[code] ?? messageOf(cause);
    super(
      `cannot reach the API server at ${url.origin}: ${why}`,
      `${method} ${url.origin}${url.pathname}: ${why}`,
      { remedy: remedyFor(code), exitCode, cause },
    );
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
