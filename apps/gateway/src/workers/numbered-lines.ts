interface Destination {
  write(lines: string): unknown;
}

/** Says in each line of JSON which worker wrote it. What is written is whole lines, as many as there are. */
export function numberedLines(
  destination: Destination,
  worker: number,
): { write(lines: string): void } {
  const start = `{"worker":${worker},`;
  return {
    // A line break within a JSON text is escaped, so each one that is not begins a line.
    write: (lines) =>
      void destination.write(start + lines.slice(1).replaceAll('\n{', `\n${start}`)),
  };
}
