/**
 * How a process gets one card of several. WebGPU's `requestAdapter` takes no number, so the card is chosen below it: by variables of the environment that
 * Vulkan's loader and Mesa's device-select layer read, which stands above the drivers of all makers.
 */
import { join } from "node:path";
import { UserError } from "../../../../cells/errors.ts";
import { plural } from "../../../terminal/words.ts";
import { findAdapter } from "../runtime/device.ts";
import { areEqual, type Card, cardInWords, kindOf } from "./card.ts";
import { shownCards } from "./list.ts";

/** Variables of the environment and their values; undefined: must not be set. */
export type Variables = Readonly<Record<ChoiceVariable, string | undefined>>;

/** Variables that choose a card, each with who reads it. */
export const CHOICE_VARIABLES = [
  // Mesa's layer, by kind: before all of its other rules.
  "MESA_VK_DEVICE_SELECT",
  // Mesa's layer, 20.3 and later, by place: DRI_PRIME=pci-0000_41_00_0.
  "DRI_PRIME",
  // Mesa's layer shows no other card: of several WebGPU would take the fastest, whatever their order.
  "MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE",
  // The loader, by kind, without any layer: it puts these first, and from 1.4.326 on shows no others.
  "VK_LOADER_DEVICE_SELECT",
  "VK_LOADER_VENDOR_ID_FILTER",
  "VK_LOADER_DEVICE_ID_FILTER",
] as const;
type ChoiceVariable = typeof CHOICE_VARIABLES[number];

/** Turns Mesa's layer off. */
export const LAYER_OFF = "NODEVICE_SELECT";

/** Where Vulkan's loader finds layers that need no asking for. */
const LAYER_FOLDERS = ["/usr/share", "/usr/local/share", "/etc", "/usr/local/etc"].map((folder) =>
  join(folder, "vulkan/implicit_layer.d")
);

/** Whether Mesa's device-select layer is installed, and has not been turned off. */
export function hasDeviceSelect(folders: readonly string[] = LAYER_FOLDERS): boolean {
  if (Deno.env.get(LAYER_OFF)) return false;
  return folders.some((folder) => {
    try {
      return [...Deno.readDirSync(folder)].some(({ name }) => /^VkLayer_MESA_device_select.*\.json$/.test(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

/**
 * The variables with which a process may get a card: by its kind where it is the only one of that, else by its place.
 *
 * @param cards of the machine
 * @param hasLayer whether Mesa's device-select layer is there
 * @returns sets of them, the likeliest first
 * @throws {UserError} if nothing tells the card from its equals
 */
export function choicesFor(card: Card, cards: readonly Card[], hasLayer: boolean): Variables[] {
  const equals = cards.filter((other) => areEqual(card, other));
  const [vendor, device] = [card.vendor, card.device].map((number) => `0x${number.toString(16)}`);
  const byKind = {
    MESA_VK_DEVICE_SELECT: kindOf(card),
    DRI_PRIME: undefined,
    MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1",
    VK_LOADER_DEVICE_SELECT: `${vendor}:${device}`,
    VK_LOADER_VENDOR_ID_FILTER: vendor,
    VK_LOADER_DEVICE_ID_FILTER: device,
  };
  if (equals.length === 1) return [byKind];
  const others = equals.flatMap(({ address }) => address === undefined || address === card.address ? [] : [address]);
  if (hasLayer && card.address !== undefined) {
    // A kind would be obeyed first, and mean any of the equals. The others' places: Mesa 22.3.6 takes the last card that is *not* at the place.
    return [card.address, ...others].map((address) => ({
      ...byKind,
      MESA_VK_DEVICE_SELECT: undefined,
      DRI_PRIME: `pci-${address.replace(/[:.]/g, "_")}`,
    }));
  }
  const why = hasLayer
    ? "their driver does not report their PCI address"
    : "Mesa's device-select layer, which chooses by DRI_PRIME, is not installed: install Mesa's Vulkan drivers or layers";
  throw new UserError(
    `Cannot choose among ${equals.length} equal cards (${kindOf(card)}): Deno takes no number, and ${why}; ${WAY_OUT}`,
  );
}

const WAY_OUT = "or give each process a container or a Slurm task with only one card, without --gpu";

/**
 * Has this process get a card. It must not have asked for an adapter before.
 *
 * @returns the adapter's name
 * @throws {UserError} if it gets another, or none
 */
export async function takeCard(card: Card, gpu: number, cards: readonly Card[], hasLayer: boolean): Promise<string> {
  const choices = choicesFor(card, cards, hasLayer);
  const isSure = choices.some((variables) => {
    setVariables(variables);
    // Adapters do not say which of equal cards they are; what Vulkan shows alone is what Deno gets.
    const [shown, ...more] = shownCards();
    return shown !== undefined && !more.length && areEqual(shown, card) && shown.address === card.address;
  });
  if (!isSure && choices.length > 1) {
    throw new UserError(
      `Cannot use --gpu ${gpu}: Mesa's device-select layer does not show ${
        cardInWords(card)
      } when asked for it; update Mesa, or ${WAY_OUT}`,
    );
  }
  return await checkAdapter(card, gpu);
}

function setVariables(variables: Variables): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) Deno.env.delete(name);
    else Deno.env.set(name, value);
  }
}

/** Checks which adapter this process gets, as far as an adapter tells: by its kind. */
async function checkAdapter(card: Card, gpu: number): Promise<string> {
  const own = await findAdapter();
  if (!own) throw new UserError(`Cannot use --gpu ${gpu}: Deno has no adapter for ${cardInWords(card)}`);
  const vendor = Number(own.found.info.vendor), device = Number(own.found.info.device);
  // An adapter through OpenGL numbers nothing.
  if (vendor && !(vendor === card.vendor && device === card.device)) {
    throw new UserError(
      `Cannot use --gpu ${gpu}: Deno's adapter is ${own.adapter} (${kindOf({ vendor, device })}), ` +
        `must be ${cardInWords(card)}; install Mesa's device-select layer, or a Vulkan loader from 1.4.326 on`,
    );
  }
  return own.adapter;
}

/** `On GPU 1, one of 4 cards: NVIDIA GeForce RTX 3090 (10de:2204 at 0000:41:00.0)`, as this process has it. */
export function cardLine(card: Card, gpu: number, cards: readonly Card[], adapter: string): string {
  return `On GPU ${gpu}, one of ${plural(cards.length, "card")}: ${cardInWords({ ...card, name: adapter })}`;
}
