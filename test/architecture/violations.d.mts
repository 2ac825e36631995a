export interface Violation {
  readonly rule: string;
  readonly file: string;
  readonly line?: number;
  readonly found: string;
  readonly why: string;
}

export const ruleNames: readonly string[];
export function findViolations(root: string): Promise<Violation[]>;
export function staleAllowances(root: string): string[];
