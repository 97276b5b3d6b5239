/** The user name of a node's agent: the network is its, and of its own node only. */
export function agentUser(nodeName: string): string {
  return `kadm:agent:${nodeName}`;
}

/** Its groups: every agent writes its own Node; those of control planes also approve the others' certificates. */
export function agentOrganizations(role: 'control-plane' | 'worker'): string[] {
  return role === 'worker' ? ['kadm:agents'] : ['kadm:agents', 'kadm:control-plane-agents'];
}
