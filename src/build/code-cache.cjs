// Run by the Node that the executable is made from: writes V8's code cache of a bundle, as the loader compiles it. The
// bundle runs first: V8 compiles a function when it is called, and only what is compiled goes into the cache. It tries
// what people wait for most, and leaves out what would look at this machine; whether it succeeds does not matter.
const { readFileSync, writeFileSync } = require('node:fs');
const { Module } = require('node:module');
const { Script } = require('node:vm');

const LOOKING_AT_THE_HOST = [
  'preflight',
  'prepare-host',
  'components',
  'other-components',
  'container-runtime',
  'images',
  'other-images',
];

const [, , bundle, target] = process.argv;
const source = Module.wrap(readFileSync(bundle, 'latin1'));
const script = new Script(source, { filename: 'kadm:kadm.cjs' });
process.argv = [process.argv[0], 'kadm', 'init', '--dry-run', '--skip-phases', LOOKING_AT_THE_HOST.join(',')];
process.stdout.write = () => true;
process.stderr.write = () => true;
process.once('exit', () => {
  process.exitCode = 0;
  writeFileSync(target, script.createCachedData());
});
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, __filename, __dirname);
