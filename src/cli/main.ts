import { hasCode } from '../errors.ts';
import { versionText } from './own-version.ts';

// Copying components keeps four threads of file I/O busy; certificates and manifests must not queue behind it.
// libuv reads this when the first file is touched.
process.env.UV_THREADPOOL_SIZE ??= '16';

// Whoever reads the output may stop reading, as `head` does: what was begun still goes to its end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (!hasCode(error, 'EPIPE')) throw error;
  });
}

const [first, second] = process.argv.slice(2);
if (second === undefined && (first === '--version' || first === '-V')) {
  // All other commands' code takes longer to load than this takes to say.
  process.stdout.write(`${versionText()}\n`);
} else {
  void import('./program.ts').then(({ main }) => main(process.argv));
}
