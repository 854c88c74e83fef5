// wgsl.d.ts: a shader is imported as its text (esbuild's text loader).

declare module '*.wgsl' {
  const source: string;
  export default source;
}
