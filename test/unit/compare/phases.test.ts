import { describe, expect, it } from 'vitest';
import { lackingPhases, phasesIn } from '../../compare/phases.ts';

describe('phases of kubeadm', () => {
  const ofVerb = (list: string): string => `Run it\n\n\`\`\`\n${list}\`\`\`\n\nUsage:\n  kubeadm [flags]\n`;
  const init = ofVerb(
    'certs            Make them\n  /ca              The first\n  /cb              Another\nwelcome     Say it\n',
  );

  it('are found in help texts, with their parts', () => {
    expect(phasesIn(init)).toEqual(['certs', 'certs/ca', 'certs/cb', 'welcome']);
  });

  it('are lacking where kadm knows no such name', () => {
    const helpOf = new Map([
      ['init', init],
      ['join', ofVerb('control-plane-prepare  Prepare\n  /certs   Make them\n')],
      ['reset', ofVerb('cleanup-node  Clean\n')],
    ]);
    expect(Object.fromEntries(lackingPhases(helpOf))).toEqual({
      init: ['certs/cb', 'welcome'],
      join: [],
      reset: [],
    });
    expect(() => lackingPhases(new Map())).toThrow('names no phases');
  });
});
