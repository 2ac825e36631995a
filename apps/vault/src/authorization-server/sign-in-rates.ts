/** How many may come at once, and after how many seconds another may (web/attempt-limit.ts). */
export const rates = {
  // A program registers once where it is installed; a whole office may stand behind one address.
  registrationsPerAddress: { burst: 30, refillSeconds: 20 },
  registrationsInAll: { burst: 300, refillSeconds: 2 },
  signInsPerAddress: { burst: 300, refillSeconds: 0.5 },
  // What a flood from many addresses may cost: some 15,000 rows at once.
  signInsInAll: { burst: 3_000, refillSeconds: 0.05 },
} as const;
