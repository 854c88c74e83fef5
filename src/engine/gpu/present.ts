// present.ts: shows pictures of a device buffer on a canvas by a render pass; nothing is read back.

import { packUniforms, shaderText } from '../wgsl.ts';
import { type Device, DeviceError } from './device.ts';

export class Presenter {
  private readonly context: GPUCanvasContext;
  private readonly pipeline: GPURenderPipeline;
  private readonly uniforms: GPUBuffer;
  private readonly code: string;

  constructor(
    private readonly device: Device,
    private readonly canvas: HTMLCanvasElement | OffscreenCanvas,
  ) {
    const context = canvas.getContext('webgpu') as GPUCanvasContext | null;
    if (!context) throw new DeviceError('This canvas offers no WebGPU. Give one that was not drawn to in another way.');
    this.context = context;
    const format = navigator.gpu.getPreferredCanvasFormat();
    this.context.configure({ device: device.gpu, format, alphaMode: 'opaque' });
    this.code = shaderText('present');
    const module = device.gpu.createShaderModule({ label: 'present', code: this.code });
    this.pipeline = device.gpu.createRenderPipeline({
      label: 'present',
      layout: 'auto',
      vertex: { module, entryPoint: 'cover' },
      fragment: { module, entryPoint: 'shade', targets: [{ format }] },
    });
    this.uniforms = device.createBuffer('present: uniforms', 32, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  }

  /** Draws a buffer of shape [N,H,W,C], C = 1 or 3, values in 0..1; several pictures in a grid as square as can be. */
  draw(buffer: GPUBuffer, [count, height, width, channels]: readonly number[]): void {
    const { gpu } = this.device;
    const bytes = packUniforms(this.code, {
      count,
      height,
      width,
      channels,
      columns: Math.ceil(Math.sqrt(count)),
      canvas_width: this.canvas.width,
      canvas_height: this.canvas.height,
    });
    gpu.queue.writeBuffer(this.uniforms, 0, bytes);
    const bindGroup = gpu.createBindGroup({
      layout: this.pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: this.uniforms } },
        { binding: 1, resource: { buffer } },
      ],
    });
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginRenderPass({
      colorAttachments: [{ view: this.context.getCurrentTexture().createView(), loadOp: 'clear', storeOp: 'store' }],
    });
    pass.setPipeline(this.pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.draw(3);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.device.destroyBuffer(this.uniforms);
    this.context.unconfigure();
  }
}
