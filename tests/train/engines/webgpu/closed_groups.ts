/** Trains and closes some groups of the WebGPU engine; prints how many are still alive. Needs V8's --expose-gc. */
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import type { Engine, TrainingGroup } from "../../../../train/engines/engine.ts";
import { openWebGpuEngine } from "../../../../train/engines/webgpu/engine.ts";
import { offsetsOf, runOf, SMALL, textOf } from "../runs.ts";

const { gc } = globalThis as unknown as { gc: () => void };

/** In a function of its own: nothing on the stack holds the group afterwards. */
async function trainAndClose(engine: Engine): Promise<WeakRef<TrainingGroup>> {
  const run = runOf(vanillaCell);
  const group = await engine.open([run], textOf(100, SMALL.vocabulary));
  group.beginPass(0, offsetsOf(run, 0));
  await group.advance(3);
  await group.read(0);
  await group.close();
  return new WeakRef(group);
}

const engine = (await openWebGpuEngine())!;
const groups: WeakRef<TrainingGroup>[] = [];
for (let i = 0; i < 3; i++) groups.push(await trainAndClose(engine));
for (let round = 0; round < 5; round++) {
  // What promises and timers still hold goes with their turn.
  await new Promise((resolve) => setTimeout(resolve, 10));
  gc();
}
console.log(JSON.stringify({ opened: groups.length, alive: groups.filter((group) => group.deref()).length }));
await engine.close();
