/**
 * The beginning of a command line that lets one program of a host, and those that it starts, see another time. All hosts of
 * a lab share the machine's clock, which nobody may set.
 * @param offset such as +1d, as libfaketime takes it
 */
export function atOtherTime(offset: string): string[] {
  return [
    'env',
    'LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
    `FAKETIME=${offset}`,
    // What waits and measures goes on as it would; dates of files are what they are.
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
    'NO_FAKE_STAT=1',
  ];
}
