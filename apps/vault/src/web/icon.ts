/** A token broken in two, the halves a little apart: a symbolon. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0f766e" d="M14.2 2.1a14 14 0 0 0 0 27.8l-2.4-5.6 3.6-4.5-3.8-5 3.6-4.6z"/><path fill="#d97706" d="M17.8 2.1a14 14 0 0 1 0 27.8l-2.4-5.6 3.6-4.5-3.8-5 3.6-4.6z"/></svg>`;
