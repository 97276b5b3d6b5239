// Run by the Node that the executable is made from: writes V8's code cache of a bundle, as the loader compiles it.
const { readFileSync, writeFileSync } = require('node:fs');
const { Module } = require('node:module');
const { Script } = require('node:vm');

const [, , bundle, target] = process.argv;
const source = Module.wrap(readFileSync(bundle, 'latin1'));
writeFileSync(target, new Script(source, { filename: 'kadm:kadm.cjs' }).createCachedData());
