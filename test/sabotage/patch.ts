/** One line of ours changed so that a defence is gone, and the test that has to notice. */
export interface Patch {
  readonly name: string;
  /** Of docs/threat-model.md, or a promise of docs/operations.md. */
  readonly row: string;
  readonly file: string;
  /** Text that stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly spec: string;
  /** Part of the full name of the test that must turn red: groups and title, joined by blanks. */
  readonly test: string;
}
