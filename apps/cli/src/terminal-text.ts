// C0 but tab and line end, DEL and C1, and what turns the direction of text.
const steers =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** Text for somebody's eyes: names that others chose cannot steer the terminal or rewrite what stands before them. */
export function terminalText(text: string): string {
  return text.replaceAll(steers, '\uFFFD');
}
