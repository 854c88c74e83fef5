// present.ts: shows pictures of a device buffer on a canvas by a render pass; nothing is read back.

import present from '../../../shaders/present.wgsl';
import { expandShader, packUniforms } from '../wgsl.ts';
import type { Connection } from './connection.ts';
import { type Device, DeviceError } from './device.ts';

/** What is made on one GPUDevice. */
interface Tools {
  readonly connection: Connection;
  readonly pipeline: GPURenderPipeline;
  readonly uniforms: GPUBuffer;
}

export class Presenter {
  private readonly context: GPUCanvasContext;
  private readonly code = expandShader('present', present);
  private tools: Tools;

  constructor(
    private readonly device: Device,
    private readonly canvas: HTMLCanvasElement | OffscreenCanvas,
  ) {
    const context = canvas.getContext('webgpu') as GPUCanvasContext | null;
    if (!context) throw new DeviceError('This canvas offers no WebGPU. Give one that was not drawn to in another way.');
    this.context = context;
    this.tools = this.prepare();
  }

  /** Also joins the canvas to the GPUDevice there is now. */
  private prepare(): Tools {
    const { connection } = this.device;
    const { gpu } = connection;
    const format = navigator.gpu.getPreferredCanvasFormat();
    const pipeline = connection.watch.during(
      () => 'The canvas',
      () => {
        this.context.configure({ device: gpu, format, alphaMode: 'opaque' });
        const module = gpu.createShaderModule({ label: 'present', code: this.code });
        return gpu.createRenderPipeline({
          label: 'present',
          layout: 'auto',
          vertex: { module, entryPoint: 'cover' },
          fragment: { module, entryPoint: 'shade', targets: [{ format }] },
        });
      },
    );
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const uniforms = connection.createBuffer('present: uniforms', 32, usage);
    return { connection, pipeline, uniforms };
  }

  /**
   * Draws a buffer of shape [N,H,W,C], C = 1 or 3, values in 0..1; several pictures in a grid as square as can be. Draws
   * nothing while the GPU is being got back after a loss.
   */
  draw(buffer: GPUBuffer, [count, height, width, channels]: readonly number[]): void {
    if (!this.device.isReady) return;
    if (this.tools.connection !== this.device.connection) this.tools = this.prepare();
    const bytes = packUniforms(this.code, {
      count,
      height,
      width,
      channels,
      columns: Math.ceil(Math.sqrt(count)),
      canvas_width: this.canvas.width,
      canvas_height: this.canvas.height,
    });
    this.tools.connection.watch.during(
      () => 'The canvas',
      () => this.submit(buffer, bytes),
    );
  }

  private submit(buffer: GPUBuffer, bytes: ArrayBuffer): void {
    const { connection, pipeline, uniforms } = this.tools;
    const { gpu } = connection;
    gpu.queue.writeBuffer(uniforms, 0, bytes);
    const bindGroup = gpu.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: uniforms } },
        { binding: 1, resource: { buffer } },
      ],
    });
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginRenderPass({
      colorAttachments: [{ view: this.context.getCurrentTexture().createView(), loadOp: 'clear', storeOp: 'store' }],
    });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.draw(3);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.tools.connection.destroyBuffer(this.tools.uniforms);
    this.context.unconfigure();
  }
}
