import type { Plugin } from 'esbuild';
export function leanWgsl(text: string): string;
export const leanShaders: Plugin;
