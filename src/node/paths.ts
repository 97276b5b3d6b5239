/** What the agent and the phases keep for the time of their run; gone with the next boot. */
export const RUNTIME_DIRECTORY = '/run/kadm';
