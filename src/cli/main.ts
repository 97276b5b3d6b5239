import { main } from './program.ts';

// Copying components keeps four threads of file I/O busy; certificates and manifests must not queue behind it.
// libuv reads this when the first file is touched.
process.env.UV_THREADPOOL_SIZE ??= '16';

void main(process.argv);
