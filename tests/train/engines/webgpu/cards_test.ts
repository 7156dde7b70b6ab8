/** Which cards can be meant, and what chooses one: by its kind, or among equals by its place. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Card, cardInWords, numbered } from "../../../../train/engines/webgpu/cards/card.ts";
import { CHOICE_VARIABLES, choicesFor, hasDeviceSelect } from "../../../../train/engines/webgpu/cards/choice.ts";
import { listCards } from "../../../../train/engines/webgpu/cards/list.ts";
import { findAdapter } from "../../../../train/engines/webgpu/runtime/device.ts";
import { NEEDS_ADAPTER } from "./adapter.ts";

const card = (name: string, vendor: number, device: number, address?: string): Card => ({
  name,
  vendor,
  device,
  software: false,
  ...(address === undefined ? {} : { address }),
});

const ARC = card("Intel Arc B580", 0x8086, 0xe20b, "0000:03:00.0");
const OTHER_ARC = card("Intel Arc B580", 0x8086, 0xe20b, "0000:08:00.0");
const RTX = card("NVIDIA GeForce RTX 3090", 0x10de, 0x2204, "0001:0a:00.1");
const LLVMPIPE: Card = { ...card("llvmpipe", 0x10005, 0), software: true };

Deno.test("numbered() counts cards by their places, and software adapters where there is nothing else", () => {
  assert.deepEqual(numbered([RTX, LLVMPIPE, OTHER_ARC, ARC]), [ARC, OTHER_ARC, RTX]);
  const nowhere = card("nowhere", 1, 1);
  assert.deepEqual(numbered([nowhere, ARC]), [ARC, nowhere]);
  assert.deepEqual(numbered([LLVMPIPE]), [LLVMPIPE]);
  assert.deepEqual(numbered([]), []);
});

Deno.test("choicesFor() names the only card of its kind by that, whether Mesa's layer is there or not", () => {
  for (const hasLayer of [true, false]) {
    assert.deepEqual(choicesFor(RTX, [ARC, OTHER_ARC, RTX], hasLayer), [{
      MESA_VK_DEVICE_SELECT: "10de:2204",
      DRI_PRIME: undefined,
      MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1",
      VK_LOADER_DEVICE_SELECT: "0x10de:0x2204",
      VK_LOADER_VENDOR_ID_FILTER: "0x10de",
      VK_LOADER_DEVICE_ID_FILTER: "0x2204",
    }]);
  }
});

Deno.test("choicesFor() names one of equal cards by its place, and never by its kind, which Mesa's layer obeys first", () => {
  const [variables, ...more] = choicesFor(OTHER_ARC, [ARC, OTHER_ARC, RTX], true);
  assert.deepEqual(variables, {
    MESA_VK_DEVICE_SELECT: undefined,
    DRI_PRIME: "pci-0000_08_00_0",
    MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1",
    VK_LOADER_DEVICE_SELECT: "0x8086:0xe20b",
    VK_LOADER_VENDOR_ID_FILTER: "0x8086",
    VK_LOADER_DEVICE_ID_FILTER: "0xe20b",
  });
  assert.deepEqual(new Set(Object.keys(variables)), new Set(CHOICE_VARIABLES));
  // Then by the places of the others, for a layer that takes a card that is not there.
  assert.deepEqual(more, [{ ...variables, DRI_PRIME: "pci-0000_03_00_0" }]);
});

Deno.test("choicesFor() says so where nothing tells equal cards apart, and what works", () => {
  const wayOut = "; or give each process a container or a Slurm task with only one card, without --gpu";
  assert.throws(() => choicesFor(ARC, [ARC, OTHER_ARC], false), {
    name: "UserError",
    message: "Cannot choose among 2 equal cards (8086:e20b): Deno takes no number, and Mesa's device-select layer, " +
      `which chooses by DRI_PRIME, is not installed: install Mesa's Vulkan drivers or layers${wayOut}`,
  });
  const { address: _, ...nowhere } = ARC;
  assert.throws(() => choicesFor(nowhere, [nowhere, nowhere, nowhere], true), {
    name: "UserError",
    message:
      "Cannot choose among 3 equal cards (8086:e20b): Deno takes no number, and their driver does not report their " +
      `PCI address${wayOut}`,
  });
});

Deno.test("hasDeviceSelect() finds the layer's manifest, and no other", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(dir, "VkLayer_MESA_overlay.json"), "{}");
    assert.equal(hasDeviceSelect([join(dir, "none"), dir]), false);
    await Deno.writeTextFile(join(dir, "VkLayer_MESA_device_select.json"), "{}");
    assert.equal(hasDeviceSelect([join(dir, "none"), dir]), true);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("cardInWords() says what a card is and where", () => {
  assert.equal(cardInWords(RTX), "NVIDIA GeForce RTX 3090 (10de:2204 at 0001:0a:00.1)");
  assert.equal(cardInWords(LLVMPIPE), "llvmpipe (10005:0000)");
});

Deno.test("listCards() has the adapter of this process among its cards", NEEDS_ADAPTER, async () => {
  const own = (await findAdapter())!, cards = listCards();
  const same = cards.filter(({ vendor, device }) =>
    vendor === Number(own.found.info.vendor) && device === Number(own.found.info.device)
  );
  assert.ok(same.some(({ name, software }) => name === own.adapter && software === own.software), Deno.inspect(cards));
});
