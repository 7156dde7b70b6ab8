/** The WebGPU engine in a real browser, and what its compiler (Tint) says of every shader. */
import assert from "node:assert/strict";
import { goldenFrom } from "../../train/golden.ts";
import { openReferenceEngine } from "../../train/engines/reference.ts";
import { WEBGPU_ENGINE } from "../../train/engines/webgpu/engine.ts";
import { CATALOG_GOLDEN, failures, GOLDEN } from "../cells/catalog/golden_cases.ts";
import { allShaders } from "../train/engines/webgpu/shaders.ts";
import { ORIGINAL_SWITCHES } from "../original_table.ts";
import { bundled, type Called, callOnPage, lacking } from "./browser.ts";
import type { Asked, Certified, Verdict } from "./engine_page.ts";
import { train } from "./example.ts";

if (lacking) console.log(`the WebGPU engine in a browser: skipped, ${lacking}`);

function browserTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: lacking !== undefined, fn });
}

/** Six steps of a small gated cell with every switch on, in two layers, and of an LSTM; those of three bytes too. */
const settings = { ...GOLDEN.settings, steps: 6 };
const cases = [
  GOLDEN.cases.find((golden) => golden.n_layers === 2 && ORIGINAL_SWITCHES.every(({ key }) => golden[key]))!,
  CATALOG_GOLDEN.cases.find(({ cell }) => cell === "lstm")!,
];

const EXAMPLE = { text: "What is said twice is learnt sooner. ".repeat(20), steps: 6 };

/** What every WebGPU device has at least, and a device that is asked for nothing has at most. */
const DEFAULT_LIMITS = { workgroupBytes: 16_384, invocations: 256 };

/** What of a shader counts against a limit: its bindings, its workgroup memory, its invocations. */
const limitedParts = (code: string) => code.match(/^(@group|var<workgroup>|struct|@compute).*$/gm)!.join("\n");

/**
 * SwiftShader takes a second to make machine code of a matrix product, and ten and more where that holds a hundred epilogues.
 * An epilogue has no part in what limits are about, so the shortest shader of each template speaks for the others. With this variable
 * set, each speaks for itself.
 */
const everyPipeline = Deno.env.get("CELLSPACE_EVERY_PIPELINE") !== undefined;

const mainOf = (body: string, size = 64) => `@compute @workgroup_size(${size}) fn main() { ${body} }`;
const UNSOUND: Asked["shaders"] = [
  { key: "sound", code: mainOf(""), asPipeline: true },
  { key: "warned", code: mainOf("return; var x = 1;"), asPipeline: true },
  { key: "no shader", code: "fn main() {", asPipeline: false },
  { key: "too many", code: mainOf("", 512), asPipeline: true },
  { key: "too large", code: `var<workgroup> a: array<f32, 4097>; ${mainOf("a[0] = 1.0;")}`, asPipeline: true },
];

/** What is asked of the browser, and what the tests compare its answers with. */
async function prepared() {
  const golden = await goldenFrom(await openReferenceEngine(), settings, cases);
  const stepsBack = await goldenFrom(await openReferenceEngine(), { ...settings, bptt: 3 }, cases);
  // A number that is a little off is to be noticed there too.
  const faulty = structuredClone(golden);
  faulty.cases[1].losses[5] *= 1.0005;
  const byTemplate = Map.groupBy(allShaders(), ({ template }) => template);
  const shaders = [...byTemplate.values()].flatMap((shaders) => {
    const shortest = Math.min(...shaders.map(({ code }) => code.length));
    return shaders.map(({ key, code }) => ({ key, code, asPipeline: everyPipeline || code.length === shortest }));
  });
  return { golden, stepsBack, faulty, byTemplate, shaders };
}

/** One browser answers all tests, at the first that asks. */
async function askAll() {
  const { golden, stepsBack, faulty, byTemplate, shaders } = await prepared();
  const [certified, trained, checked, noticed] = await callOnPage(
    await bundled(new URL("engine_page.ts", import.meta.url)),
    [
      { name: "certify", given: [golden, stepsBack, faulty] },
      { name: "trainExample", given: EXAMPLE },
      { name: "compileAll", given: { shaders } },
      { name: "compileAll", given: { shaders: UNSOUND } },
    ],
  );
  return { golden, byTemplate, shaders, certified, trained, checked, noticed };
}

let asking: ReturnType<typeof askAll> | undefined;
const answers = () => asking ??= askAll();

function returnedBy<T>(called: Called): T {
  if ("error" in called) throw new Error(called.error);
  return called.returned as T;
}

browserTest("the WebGPU engine gives the reference's numbers in a browser", async () => {
  const { golden, certified } = await answers();
  const { hasDeno, software, errors } = returnedBy<Certified>(certified);
  assert.deepEqual(certified.wrong, []);
  assert.deepEqual({ hasDeno, software }, { hasDeno: false, software: true });
  const found = errors.map((ofFile) => failures(golden.cases, ofFile, WEBGPU_ENGINE.tolerance));
  assert.deepEqual(found.slice(0, 2), [[], []]);
  assert.deepEqual(found[2].map((line) => line.replace(/by .*/, "")), ["1 layers, lstm: losses are off "]);
});

browserTest("the example of docs/browser.md draws and learns in a browser as the reference does here", async () => {
  const example = (await Deno.readTextFile(new URL("example.ts", import.meta.url))).replaceAll("../../", "../");
  const documented = await Deno.readTextFile(new URL("../../docs/browser.md", import.meta.url));
  assert.ok(documented.includes("```ts\n" + example + "```\n"), "docs/browser.md has another example");
  const { text, steps } = EXAMPLE;
  const expected = [...await train(await openReferenceEngine(), new TextEncoder().encode(text), steps)];
  const { trained } = await answers();
  const returned = returnedBy<number[]>(trained);
  assert.deepEqual(trained.wrong, []);
  assert.equal(returned.length, steps);
  const errors = expected.map((loss, i) => Math.abs(returned[i] - loss) / loss);
  assert.ok(errors.every((error) => error <= WEBGPU_ENGINE.tolerance), `losses are off by ${errors}`);
});

browserTest(
  "Tint has nothing to say of any shader, and makes its pipeline within WebGPU's default limits",
  async () => {
    const { byTemplate, shaders, checked } = await answers();
    for (const [template, shaders] of byTemplate) {
      assert.equal(new Set(shaders.map(({ code }) => limitedParts(code))).size, 1, `epilogues change ${template}`);
    }
    assert.deepEqual(returnedBy<Verdict>(checked), {
      limits: DEFAULT_LIMITS,
      modules: shaders.length,
      pipelines: shaders.filter(({ asPipeline }) => asPipeline).length,
      complaints: [],
    });
    assert.deepEqual(checked.wrong, []);
    assert.ok(
      shaders.length > 100 && byTemplate.size > 10,
      `${shaders.length} shaders of ${byTemplate.size} templates`,
    );
  },
);

browserTest(
  "the check of shaders notices a warning, a shader that is none, and one beyond the default limits",
  async () => {
    const { noticed } = await answers();
    const returned = returnedBy<Verdict>(noticed);
    assert.deepEqual([returned.modules, returned.pipelines], [5, 2]);
    const told = returned.complaints.toSorted().join("\n");
    assert.match(told, /^Cannot compile kernel 'too large': .*16384[^]*^Cannot compile kernel 'too many': .*256/m);
    assert.match(told, /^no shader: error in line 1: [^]*^warned: warning in line 1: code is unreachable$/m);
    assert.equal(returned.complaints.length, 4);
  },
);
