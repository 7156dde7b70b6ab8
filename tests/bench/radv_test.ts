/** What is read of RADV's words. The words are those of Mesa 22.3.6; the figures of the two kernels are made up. */
import assert from "node:assert/strict";
import { parseStatistics, toTable } from "./radv/statistics.ts";
import { mainKernels } from "./radv/kernels.ts";

const BLOCK = (vgprs: number) => `
Compute Shader:
*** SHADER STATS ***
Driver pipeline hash: 1930097912061741642
SGPRs: 128
VGPRs: ${vgprs}
Spilled SGPRs: 0
Spilled VGPRs: 3
Code size: 16400
LDS size: 8192
Scratch size: 12
Subgroups per SIMD: 8
Hash: 3124261815
Instructions: 3333
Copies: 13
Branches: 2
Latency: 612
Inverse Throughput: 2448
VMEM Clause: 4
SMEM Clause: 5
Pre-Sched SGPRs: 9
Pre-Sched VGPRs: 4
********************
`;

/** The driver's own shader comes before the first kernel; the third kernel was compiled under another name. */
const SAMPLE = `driver: radv, Mesa 22.3.6
${BLOCK(8)}
kernel: product
${BLOCK(120)}
kernel: sum
${BLOCK(24)}
kernel: sum of another group
`;

Deno.test("parseStatistics() reads the figures of each kernel, and none of the driver's own shaders", () => {
  const { driver, kernels } = parseStatistics(SAMPLE);
  assert.equal(driver, "radv, Mesa 22.3.6");
  assert.deepEqual(kernels.map(({ kernel, vgprs }) => [kernel, vgprs]), [["product", 120], ["sum", 24]]);
  assert.deepEqual(kernels[0], {
    kernel: "product",
    sgprs: 128,
    vgprs: 120,
    spilled_sgprs: 0,
    spilled_vgprs: 3,
    lds_bytes: 8192,
    scratch_bytes: 12,
    waves_per_simd: 8,
    code_bytes: 16400,
    instructions: 3333,
  });
});

Deno.test("parseStatistics() names the kernel and the figure when one is missing", () => {
  const without = SAMPLE.replace(/(kernel: sum\n[^]*)^VGPRs: 24$/m, "$1");
  assert.throws(() => parseStatistics(without), /^Error: Cannot read RADV's statistics: kernel 'sum' has no 'VGPRs'$/);
  assert.throws(() => parseStatistics(BLOCK(8)), /no line begins with 'driver:'$/);
  const twice = SAMPLE.replace("kernel: sum\n", "");
  assert.throws(() => parseStatistics(twice), /kernel 'product' has 2 shaders$/);
});

Deno.test("toTable() has a row for each kernel", () => {
  const lines = toTable(parseStatistics(SAMPLE).kernels).split("\n");
  assert.equal(lines.length, 4);
  assert.match(lines[2], /^\| product \| 128 \| 120 \| 0 \| 3 \| 8192 \|/);
  assert.equal(new Set(lines.map((line) => line.split("|").length)).size, 1);
});

Deno.test("mainKernels() has every template, each kernel under a name of its own", () => {
  const kernels = mainKernels(), names = kernels.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const template of ["product 64x64", "product 32x32", "sum", "softmax", "embedding", "elementwise"]) {
    assert.ok(names.some((name) => name.includes(template)), template);
  }
});
