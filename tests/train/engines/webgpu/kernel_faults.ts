/** Small faults for kernels, each of which a quick look would miss; and how one is planted into everything that is compiled. */

export interface Fault {
  readonly sound: string;
  readonly faulty: string;
}

export const KERNEL_FAULTS: Readonly<Record<string, Fault>> = {
  "a sigmoid that is a thousandth too low": { sound: "vec4f(1.0), x >=", faulty: "vec4f(0.999), x >=" },
  "a product that takes a matrix for a row shorter": {
    sound: "let inside = (row < rows)",
    faulty: "let inside = (row + 1u < rows)",
  },
  "a bias that is read one column off": { sound: "+ column];", faulty: "+ column - min(column, 1u)];" },
  "an embedding's gradient that forgets the batch's last row": {
    sound: "b < min(64u,",
    faulty: "b + 1u < min(64u,",
  },
  "targets that are the bytes read": { sound: "+ shift + row", faulty: "+ 0u * shift + row" },
  "an update that takes epsilon for its step size": {
    sound: "step.x + at",
    faulty: "step.x + at + select(0u, 1u, at % 4u == 0u)",
  },
};

/** Changes every shader that is compiled from now on; `shaders` counts those that had such a line. */
export function plantFault({ sound, faulty }: Fault): { readonly shaders: number; remove(): void } {
  const original = GPUDevice.prototype.createShaderModule;
  const planted = {
    shaders: 0,
    remove: () => void (GPUDevice.prototype.createShaderModule = original),
  };
  GPUDevice.prototype.createShaderModule = function (this: GPUDevice, descriptor: GPUShaderModuleDescriptor) {
    if (!descriptor.code.includes(sound)) return original.call(this, descriptor);
    planted.shaders++;
    return original.call(this, { ...descriptor, code: descriptor.code.replaceAll(sound, faulty) });
  };
  return planted;
}
