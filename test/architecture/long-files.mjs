/** Files that may be longer than 300 lines, each with the reason. An entry that is no longer needed is an error. */
export const longFiles = new Map([]);
