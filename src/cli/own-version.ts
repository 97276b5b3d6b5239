/** Put in by the build. */
declare const KADM_VERSION: string;

/** The version of this kadm; a module of its own, because `kadm --version` loads nothing else. */
export function versionText(): string {
  return KADM_VERSION;
}
