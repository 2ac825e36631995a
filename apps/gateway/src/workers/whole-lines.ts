import type { Readable } from 'node:stream';

/**
 * Passes on what a worker prints, in pieces that end with a line. Workers that wrote to one pipe themselves would
 * tear each other's lines: the kernel keeps no more than 4 KiB together.
 */
export function passWholeLines(
  from: Readable,
  to: { write(lines: string): unknown },
): Promise<void> {
  let rest = '';
  from.setEncoding('utf8');
  from.on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) {
      rest += text;
      return;
    }
    to.write(rest + text.slice(0, end));
    rest = text.slice(end);
  });
  return new Promise((resolve) => {
    from.once('close', () => {
      if (rest !== '') to.write(`${rest}\n`);
      resolve();
    });
  });
}
