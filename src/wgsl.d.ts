// wgsl.d.ts: modules that bring no types. A shader is imported as its text (esbuild's text loader).

declare module '*.wgsl' {
  const source: string;
  export default source;
}

declare module 'wgsl-preprocessor/wgsl-preprocessor.js' {
  /** A template tag: joins the parts and resolves #if, #elif, #else, #endif. */
  export function wgsl(strings: readonly string[] | TemplateStringsArray, ...values: unknown[]): string;
}
