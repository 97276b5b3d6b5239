/** Where init and join write what the agent of a node is told. */
export const AGENT_SETTINGS = '/etc/kadm/agent.yaml';
