import { agentDaemon } from './agent-daemon.ts';

// What the build puts into the executable for `kadm agent` alone: without the code of all other commands, which
// would only take memory on every node (src/build/main.ts).
void agentDaemon();
