import { hasCode } from '../errors.ts';
import { main } from './program.ts';

// Copying components keeps four threads of file I/O busy; certificates and manifests must not queue behind it.
// libuv reads this when the first file is touched.
process.env.UV_THREADPOOL_SIZE ??= '16';

// Whoever reads the output may stop reading, as `head` does: what was begun still goes to its end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (!hasCode(error, 'EPIPE')) throw error;
  });
}

void main(process.argv);
