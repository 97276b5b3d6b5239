// The script of the executable: picks the code for what it is called with. `kadm agent`, which runs on every node, gets
// the agent's alone. Assets are part of the executable's file, and touched only where they are used.
const { writeFileSync } = require('node:fs');
const { getRawAsset } = require('node:sea');
const { Module } = require('node:module');
const { Script } = require('node:vm');

// Keys and tokens are in the memory of this process and of the programs that it starts: none of it goes into a core file
// (core(5)). The hosts of a lab, which it starts too, are to be as any.
if (process.argv[2] !== 'lab') {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // Where /proc is not there or read-only, the limits of whoever started it hold.
  }
}

const agent = process.argv.length === 3 && process.argv[2] === 'agent';
const name = agent ? 'agent.cjs' : 'kadm.cjs';
// The bundles are pure ASCII (esbuild's charset): one byte a character.
const source = Module.wrap(Buffer.from(getRawAsset(name)).latin1Slice());
const cachedData = agent ? undefined : Buffer.from(getRawAsset('kadm.cache'));
const script = new Script(source, { filename: `kadm:${name}`, cachedData });
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, __filename, __dirname);
