// modules.d.ts: the part of the peers' interfaces that the benchmark uses, so that types check where they are not installed.

declare module '@tensorflow/tfjs-core' {
  export interface Tensor {
    readonly shape: number[];
    data(): Promise<Float32Array>;
    dispose(): void;
  }
  export type Pads = number | [[0, 0], [number, number], [number, number], [0, 0]];
  export interface ConvInfo {
    readonly dy: Tensor;
    readonly filter: Tensor;
  }
  export interface Backend {
    readonly device: GPUDevice;
    ensureCommandEncoderReady(): void;
    endComputePassEncoder(): void;
    submitQueue(): void;
  }
  export const version_core: string;
  export function setBackend(name: string): Promise<boolean>;
  export function ready(): Promise<void>;
  export function backend(): Backend;
  export function engine(): {
    runKernel(name: string, inputs: Record<string, Tensor>, attrs: Record<string, unknown>): Tensor;
  };
  export function tensor(data: Float32Array, shape: readonly number[]): Tensor;
  export function scalar(value: number): Tensor;
  export function zeros(shape: readonly number[]): Tensor;
  export function tidy<T>(f: () => T): T;
  export function keep(x: Tensor): Tensor;
  export function grad(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor;
  export function grads(f: (...xs: Tensor[]) => Tensor): (xs: Tensor[]) => Tensor[];
  export function valueAndGrads(f: (...xs: Tensor[]) => Tensor): (xs: Tensor[]) => { value: Tensor; grads: Tensor[] };
  export function add(a: Tensor, b: Tensor | number): Tensor;
  export function sub(a: Tensor, b: Tensor | number): Tensor;
  export function mul(a: Tensor, b: Tensor | number): Tensor;
  export function div(a: Tensor, b: Tensor | number): Tensor;
  export function neg(a: Tensor): Tensor;
  export function sqrt(a: Tensor): Tensor;
  export function relu(a: Tensor): Tensor;
  export function sigmoid(a: Tensor): Tensor;
  export function logSoftmax(a: Tensor): Tensor;
  export function sum(a: Tensor, axes?: number | number[], keepDims?: boolean): Tensor;
  export function mean(a: Tensor, axes?: number | number[], keepDims?: boolean): Tensor;
  export function matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  export function concat(list: Tensor[], axis: number): Tensor;
  export function slice(x: Tensor, begin: number[], size: number[]): Tensor;
  export function transpose(x: Tensor, perm: number[]): Tensor;
  export function reshape(x: Tensor, shape: number[]): Tensor;
  export function conv2d(x: Tensor, w: Tensor, strides: readonly [number, number], pad: Pads): Tensor;
  export function conv2dTranspose(
    dy: Tensor,
    w: Tensor,
    outputShape: readonly number[],
    strides: readonly [number, number],
    pad: Pads,
  ): Tensor;
  export function depthwiseConv2d(x: Tensor, w: Tensor, strides: readonly [number, number], pad: Pads): Tensor;
  export function maxPool(
    x: Tensor,
    kernel: readonly [number, number],
    strides: readonly [number, number],
    pad: Pads,
  ): Tensor;
  export function localResponseNormalization(
    x: Tensor,
    radius: number,
    bias: number,
    alpha: number,
    beta: number,
  ): Tensor;
  export function complex(real: Tensor, imag: Tensor): Tensor;
  export function real(x: Tensor): Tensor;
  export function imag(x: Tensor): Tensor;
  export function ifft(x: Tensor): Tensor;
  export function irfft(x: Tensor): Tensor;
  export namespace fused {
    function conv2d(options: {
      x: Tensor;
      filter: Tensor;
      strides: readonly [number, number];
      pad: Pads;
      bias?: Tensor;
      activation?: 'linear' | 'relu';
    }): Tensor;
  }
}

declare module '@tensorflow/tfjs-core/dist/register_all_gradients' {}

declare module '@tensorflow/tfjs-backend-webgpu' {}

declare module '@jax-js/jax' {
  export interface Array {
    readonly shape: number[];
    readonly ref: Array;
    add(other: Array | number): Array;
    sub(other: Array | number): Array;
    mul(other: Array | number): Array;
    div(other: Array | number): Array;
    neg(): Array;
    sum(axis?: number | number[], options?: { keepdims?: boolean }): Array;
    mean(axis?: number | number[], options?: { keepdims?: boolean }): Array;
    reshape(shape: number[]): Array;
    transpose(perm?: number[]): Array;
    slice(...index: (number | [] | [number, number])[]): Array;
    data(): Promise<Float32Array>;
    blockUntilReady(): Promise<Array>;
    dispose(): void;
  }
  export type Tree = Array | Tree[] | { [name: string]: Tree };
  export type Jitted<F> = F & { dispose(): void };
  export function init(...devices: string[]): Promise<string[]>;
  export function defaultDevice(device: string): void;
  export function jit<F extends (...args: never[]) => unknown>(f: F): Jitted<F>;
  export function grad<F extends (...args: never[]) => Array>(f: F, options?: { argnums?: number }): F;
  export function valueAndGrad(
    f: (...args: never[]) => Array,
    options?: { argnums?: number },
  ): (...args: Tree[]) => [Array, Tree];
  export function vjp(f: (x: Array) => Array, primals: [Array]): [Array, Jitted<(cotangent: Array) => [Array]>];
  export namespace numpy {
    function array(data: Float32Array | number[]): Array;
    function zeros(shape: readonly number[]): Array;
    function matmul(a: Array, b: Array): Array;
    function max(x: Array, axis?: number): Array;
    function sqrt(x: Array): Array;
    function power(x: Array, exponent: Array | number): Array;
    function pad(x: Array, widths: [number, number][], options?: { mode?: string; constantValues?: number }): Array;
    function concatenate(list: Array[], axis: number): Array;
    namespace fft {
      function irfft2(spectrum: { real: Array; imag: Array }, axes?: number[]): Array;
    }
  }
  export namespace nn {
    function relu(x: Array): Array;
    function sigmoid(x: Array): Array;
    function logSoftmax(x: Array, axis?: number): Array;
  }
  export namespace lax {
    function convGeneralDilated(
      x: Array,
      w: Array,
      strides: readonly number[],
      padding: [number, number][],
      options?: { featureGroupCount?: number },
    ): Array;
    function reduceWindow(
      x: Array,
      computation: (x: Array) => Array,
      window: readonly number[],
      strides: readonly number[],
    ): Array;
  }
}
