import type { Plugin } from 'esbuild';
export function leanWgsl(text: string): string;
export function parameterNames(leanTexts: readonly string[]): ReadonlySet<string>;
export function shortNames(leanTexts: readonly string[]): ReadonlyMap<string, string>;
export function renamed(leanText: string, names: ReadonlyMap<string, string>): string;
export const leanShaders: Plugin;
export function hashOfShaders(root: string): string;
