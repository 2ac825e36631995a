// How many may come at once, and how many seconds pass until another may (web/attempt-limit.ts).
// A program registers once where it is installed; a whole office may stand behind one address.
export const registrationsPerAddress = { burst: 30, refillSeconds: 20 };
export const registrationsInAll = { burst: 300, refillSeconds: 2 };
export const signInsPerAddress = { burst: 300, refillSeconds: 0.5 };
// What a flood from many addresses may cost: some 15,000 rows at once.
export const signInsInAll = { burst: 3_000, refillSeconds: 0.05 };
