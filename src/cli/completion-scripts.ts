import bash from '../../templates/completion/kadm.bash';
import fish from '../../templates/completion/kadm.fish';
import zsh from '../../templates/completion/kadm.zsh';

/** What each shell is given; each script asks kadm itself, and so fits every version of it. */
export const COMPLETION_SCRIPTS = { bash, zsh, fish } as const;

export type Shell = keyof typeof COMPLETION_SCRIPTS;
