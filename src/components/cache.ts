import { homedir } from 'node:os';

/**
 * Where kadm keeps what can be made again: `store/` for components, `build/` for what building them leaves,
 * `rootfs/` for the lab's root filesystems (XDG Base Directory Specification, XDG_CACHE_HOME).
 */
export function cacheDirectory(): string {
  const configured = process.env.XDG_CACHE_HOME;
  // The specification: paths that are not absolute are to be ignored.
  return `${configured?.startsWith('/') ? configured : `${homedir()}/.cache`}/kadm`;
}
