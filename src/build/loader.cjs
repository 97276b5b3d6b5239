// The script of the executable: picks the code for what it is called with. `kadm agent`, which runs on every node, gets
// the agent's alone. Assets are part of the executable's file, and touched only where they are used.
const { getRawAsset } = require('node:sea');
const { Module } = require('node:module');
const { Script } = require('node:vm');

const agent = process.argv.length === 3 && process.argv[2] === 'agent';
const name = agent ? 'agent.cjs' : 'kadm.cjs';
// The bundles are pure ASCII (esbuild's charset): one byte a character.
const source = Module.wrap(Buffer.from(getRawAsset(name)).latin1Slice());
const cachedData = agent ? undefined : Buffer.from(getRawAsset('kadm.cache'));
const script = new Script(source, { filename: `kadm:${name}`, cachedData });
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, __filename, __dirname);
