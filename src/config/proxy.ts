import type { EnvVar } from './control-plane.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What never goes through a proxy: this host itself, and the names of Services. */
const ALWAYS = ['localhost', '127.0.0.1', '::1', '.svc'] as const;

/**
 * The proxy variables of an environment, for the components that reach out: each whose name ends with _proxy, in
 * any case, as kubeadm passes them on. NO_PROXY, in the case in which the others are written, also holds what is
 * inside of the cluster. Empty where no proxy is set.
 * @param inside CIDRs, addresses, hosts and domains (with a dot before them) of the cluster
 */
export function proxyVariables(environment: Environment, inside: readonly string[]): EnvVar[] {
  const set = Object.entries(environment).flatMap(([name, value]) =>
    /_proxy$/i.test(name) && value ? [{ name, value }] : [],
  );
  const proxies = set.filter(({ name }) => !/^no_proxy$/i.test(name));
  if (proxies.length === 0) return [];
  const given = set.filter(({ name }) => /^no_proxy$/i.test(name)).flatMap(({ value }) => value.split(','));
  const value = [...new Set([...given.map((one) => one.trim()), ...ALWAYS, ...inside])]
    .filter((one) => one !== '')
    .join(',');
  const names = new Set(proxies.map(({ name }) => (name === name.toLowerCase() ? 'no_proxy' : 'NO_PROXY')));
  return [...proxies, ...[...names].map((name) => ({ name, value }))].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}
