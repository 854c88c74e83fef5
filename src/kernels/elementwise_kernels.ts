// elementwise_kernels.ts: the one dispatch that computes a straight-line program over broadcastable inputs.

import elementwise from '../../shaders/elementwise.wgsl';
import './shared.ts';
import { type ElementwiseName, singleStep } from './elementwise.ts';
import { elementwiseTable } from './elementwise_table.ts';
import { declareInput, statements } from './elementwise_text.ts';
import type { KernelsOf } from './index.ts';
import { broadcastStrides, grid1d, sizeOf, stridesOf } from './shape.ts';
import type { Kernel, KernelContext, ScalarProgram, Shape } from './types.ts';

/** Merges neighbouring axes that every operand walks alike, so that most programs see one or two axes. */
function coalesce(output: Shape, strides: readonly number[][]): { dims: number[]; strides: number[][] } {
  const dims: number[] = [];
  const merged: number[][] = strides.map(() => []);
  output.forEach((size, axis) => {
    if (size === 1 && output.length > 1) return;
    const last = dims.length - 1;
    const joins = last >= 0 && strides.every((s, k) => merged[k][last] === s[axis] * size);
    if (joins) {
      dims[last] *= size;
      for (const [k, s] of strides.entries()) merged[k][last] = s[axis];
    } else {
      dims.push(size);
      for (const [k, s] of strides.entries()) merged[k].push(s[axis]);
    }
  });
  return dims.length > 0 ? { dims, strides: merged } : { dims: [1], strides: strides.map(() => [0]) };
}

const WORKGROUP = 64;

/** The one dispatch that computes a program over broadcastable inputs. */
export function programKernel(program: ScalarProgram, context: KernelContext<unknown>): Kernel {
  const { inputs, output, inPlace, device } = context;
  const { dims, strides } = coalesce(
    output,
    inputs.map((s) => broadcastStrides(s, output)),
  );
  const last = dims.length - 1;
  const vectors =
    dims[last] % 4 === 0 &&
    strides.every(
      (s) => s[last] === 0 || (s[last] === 1 && s.every((stride, axis) => axis === last || stride % 4 === 0)),
    );
  const width = vectors ? 4 : 1;
  const counts = dims.map((d, axis) => (axis === last ? d / width : d));
  const own = stridesOf(counts);
  const uniforms: Record<string, number> = { count: sizeOf(output) / width };
  const usedAxes = new Set<number>();
  const bindings: string[] = [];
  const loads = inputs.map((_, k) => {
    if (k === inPlace) return 'y[i]';
    const scalarLoad = width === 4 && strides[k][last] === 0;
    const steps = strides[k].map((s, axis) => (width === 4 && !scalarLoad && axis !== last ? s / 4 : s));
    bindings.push(declareInput(`x${k}`, width === 4 && !scalarLoad ? 'vec4f' : 'f32'));
    if (!scalarLoad && steps.every((s, axis) => s === own[axis] || counts[axis] === 1)) return `x${k}[i]`;
    const parts = steps.flatMap((s, axis) => {
      if (s === 0 || counts[axis] === 1) return [];
      usedAxes.add(axis);
      if (s === 1) return [`c${axis}`];
      uniforms[`s${k}_${axis}`] = s;
      return [`c${axis} * params.s${k}_${axis}`];
    });
    const load = `x${k}[${parts.length > 0 ? parts.join(' + ') : '0'}]`;
    return scalarLoad ? `T(${load})` : load;
  });
  const coordinates = [...usedAxes].sort().map((axis) => {
    if (counts.length === 1) return `  let c0 = i;`;
    if (axis > 0) uniforms[`n${axis}`] = counts[axis];
    if (axis < last) uniforms[`o${axis}`] = own[axis];
    const quotient = axis < last ? `(i / params.o${axis})` : 'i';
    return `  let c${axis} = ${axis > 0 ? `${quotient} % params.n${axis}` : quotient};`;
  });
  const named = loads.map((load, k) => `  let a${k} = ${load};`);
  const { body, result } = statements(
    program,
    loads.map((_, k) => `a${k}`),
  );
  return {
    variant: vectors ? 'vec4' : 'scalar',
    shader: 'elementwise',
    text: {
      TYPE: width === 4 ? 'vec4f' : 'f32',
      WORKGROUP,
      PARAMS: Object.keys(uniforms)
        .map((name) => `  ${name}: u32,`)
        .join('\n'),
      BINDINGS: bindings.join('\n'),
      BODY: [...coordinates, ...named, body].join('\n'),
      RESULT: result,
    },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
}

const copyProgram: ScalarProgram = { operands: 1, steps: [] };

const single = Object.fromEntries(
  Object.keys(elementwiseTable).map((op) => {
    const program = singleStep(op as ElementwiseName);
    return [op, (context: KernelContext<unknown>) => [programKernel(program, context)]];
  }),
) as KernelsOf<ElementwiseName>;

export const kernels = {
  ...single,
  fused: (context) => [programKernel(context.attrs.program, context)],
  broadcastTo: (context) => [programKernel(copyProgram, context)],
} satisfies KernelsOf<ElementwiseName | 'fused' | 'broadcastTo'>;

export const shaders = { elementwise };
