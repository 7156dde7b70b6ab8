/** Preloaded before a command: each kernel holds the thread for a quarter of a second more, and says so. */
const MILLISECONDS = 250;

const original = GPUDevice.prototype.createComputePipelineAsync;
GPUDevice.prototype.createComputePipelineAsync = function (this: GPUDevice, descriptor) {
  console.log("compiling");
  for (const begun = performance.now(); performance.now() - begun < MILLISECONDS;);
  return original.call(this, descriptor);
};
