// Run by the Node that the executable is made from: writes V8's code cache of a bundle, as the loader compiles it. The
// bundle runs first: V8 compiles a function when it is called, and only what is compiled goes into the cache.
const { readFileSync, writeFileSync } = require('node:fs');
const { Module } = require('node:module');
const { Script } = require('node:vm');

const [, , bundle, target] = process.argv;
const source = Module.wrap(readFileSync(bundle, 'latin1'));
const script = new Script(source, { filename: 'kadm:kadm.cjs' });
process.argv = [process.argv[0], 'kadm', 'init', '--help'];
process.stdout.write = () => true;
process.once('exit', () => writeFileSync(target, script.createCachedData()));
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, __filename, __dirname);
