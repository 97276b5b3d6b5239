import { stripVTControlCharacters } from 'node:util';

/** Text from elsewhere, made safe for a terminal: no escape sequences, no control characters but newlines. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/(?![\n\t])\p{Cc}/gu, '');
}
