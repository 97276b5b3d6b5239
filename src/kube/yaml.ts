import { stringify } from 'yaml';

/**
 * YAML for Kubernetes and its components: they read by the rules of YAML 1.1, in which `yes` and `off` are no words
 * but booleans. Nothing is said by reference to something else.
 */
export function kubeYaml(object: unknown): string {
  return stringify(object, { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 });
}
