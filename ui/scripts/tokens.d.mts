export const source: string;
export const target: string;
export function css(tokens: unknown): string;
