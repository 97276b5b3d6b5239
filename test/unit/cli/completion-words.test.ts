import { describe, expect, it, vi } from 'vitest';
import { candidates, FILES } from '../../../src/cli/completion-words.ts';
import { phaseIds } from '../../../src/cli/phase-ids.ts';
import { program } from '../../../src/cli/program.ts';
import { initPhases } from '../../../src/init/index.ts';

// What the build puts in.
vi.stubGlobal('KADM_VERSION', '0.0.0');

/** The words that may stand at the end of a command line; the last one is unfinished. */
function offered(...words: string[]): string[] {
  return candidates(program(), words, phaseIds).map((one) => (one === FILES ? FILES : one.word));
}

describe('candidates', () => {
  it('are the commands first, and not those that are not for people', () => {
    const commands = offered('');
    expect(commands).toContain('init');
    expect(commands).toContain('completion');
    expect(commands).not.toContain('welcome');
    expect(commands).not.toContain('__complete');
    expect(offered('re')).toEqual(['reset']);
  });

  it('are the subcommands of a command', () => {
    expect(offered('token', '')).toEqual(['create', 'list', 'delete', 'generate', 'help']);
    expect(offered('token', 'del')).toEqual(['delete']);
  });

  it('are the flags of the command, once a dash is typed', () => {
    expect(offered('token', 'create', '--t')).toEqual(['--ttl']);
    expect(offered('init', '--pod')).toEqual(['--pod-network-cidr']);
    expect(offered('init', '--')).toContain('--help');
  });

  it('are the values of a flag, in a word of their own or after =', () => {
    expect(offered('init', '--output', '')).toEqual(['text', 'json']);
    expect(offered('init', '--output=j')).toEqual(['--output=json']);
    expect(offered('version', '-o', 'sh')).toEqual(['short']);
    expect(offered('init', '--token', '')).toEqual([]);
  });

  it('are files where a flag takes one', () => {
    expect(offered('init', '--config', '')).toEqual([FILES]);
    expect(offered('up', '-f', 'cl')).toEqual([FILES]);
    expect(offered('init', '--config=/etc/')).toEqual([FILES]);
  });

  it('are phases, one after the other in a list', () => {
    expect(offered('init', '--skip-phases', '')).toEqual(initPhases.map(({ id }) => id));
    expect(offered('init', '--skip-phases', 'certs,kubec')).toEqual(['certs,kubeconfig']);
    expect(offered('init', '--skip-phases', 'certs,certs')).toEqual([]);
    expect(offered('join', '--skip-phases=tls')).toEqual(['--skip-phases=tls-bootstrap']);
    expect(offered('init', 'phase', 'kubel')).toEqual(['kubelet-start', 'kubelet-finalize']);
    expect(offered('reset', 'phase', 'stop-pods', '--skip-phases', 'clean')).toEqual(['clean-network']);
  });

  it('are the parts of a phase, after it', () => {
    expect(offered('init', 'phase', 'upload-config', '')).toEqual(['kubeadm', 'kubelet', 'kadm']);
    expect(offered('init', 'phase', 'certs', 'etcd-p')).toEqual(['etcd-peer']);
    expect(offered('init', 'phase', 'certs/etcd-p')).toEqual(['certs/etcd-peer']);
    expect(offered('init', 'phase', 'cert')).toEqual(['certs']);
    expect(offered('init', 'phase', 'certs', 'ca', '')).toEqual([]);
    expect(offered('init', 'phase', 'etcd', '')).toEqual([]);
    expect(offered('init', '--skip-phases', 'certs/ca,kubeconfig/super')).toEqual([
      'certs/ca,kubeconfig/super-admin',
    ]);
  });

  it('are the values of an argument', () => {
    expect(offered('completion', 'z')).toEqual(['zsh']);
    expect(offered('completion', 'zsh', '')).toEqual([]);
  });

  it('know that the value of a flag is no command', () => {
    expect(offered('--unknown', 'tok')).toEqual(['token']);
    expect(offered('token', 'create', '--description', 'list', '--print')).toEqual(['--print-join-command']);
  });

  it('are none in another program’s command line', () => {
    expect(offered('lab', 'exec', 'h1', '--', '--')).toEqual([]);
  });
});
