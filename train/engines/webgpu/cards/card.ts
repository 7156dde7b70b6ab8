/** The graphics cards of a machine. WebGPU shows one adapter, and does not say where it is; Vulkan, through which it reaches them, shows all. */

/** The engine that trains on cards. */
export const CARD_ENGINE = "webgpu";

/** A graphics card, or a program that plays one. */
export interface Card {
  /** What its driver calls it. */
  readonly name: string;
  /** Its kind, as the PCI bus and Vulkan number it. Two cards of one kind are equal. */
  readonly vendor: number;
  readonly device: number;
  /** Its place on the PCI bus, `0000:41:00.0`; absent where it has none, or the driver does not say. */
  readonly address?: string;
  /** Whether it is a program on the CPU (llvmpipe, SwiftShader). */
  readonly software: boolean;
}

/** Whether two cards are of one kind. */
export function areEqual(a: Card, b: Card): boolean {
  return a.vendor === b.vendor && a.device === b.device;
}

/** `10de:2204`, as `lspci -n` has it. */
export function kindOf({ vendor, device }: Pick<Card, "vendor" | "device">): string {
  return `${hex(vendor)}:${hex(device)}`;
}

/** `NVIDIA GeForce RTX 3090 (10de:2204 at 0000:41:00.0)`. */
export function cardInWords(card: Card): string {
  return `${card.name} (${kindOf(card)}${card.address === undefined ? "" : ` at ${card.address}`})`;
}

function hex(number: number): string {
  return number.toString(16).padStart(4, "0");
}

/**
 * The cards that can be meant, numbered from 0: by their places on the PCI bus, as `nvidia-smi` numbers them, whichever of them this process would get.
 * Software adapters count where there is nothing else.
 */
export function numbered(cards: readonly Card[]): Card[] {
  const real = cards.filter(({ software }) => !software);
  const keyOf = ({ address = "~", vendor, device }: Card) => `${address} ${hex(vendor)} ${hex(device)}`;
  return (real.length ? real : [...cards]).sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
}
