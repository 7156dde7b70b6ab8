/**
 * The cards that Vulkan's loader shows on Linux: those that a container, a scheduler or a user's own variables have hidden are not among them. Deno lets no
 * task read `/sys` or `/proc/driver`, where the kernel lists them.
 */
import { UserError } from "../../../../cells/errors.ts";
import { type Card, numbered } from "./card.ts";

const LIBRARY = "libvulkan.so.1";

const SYMBOLS = {
  vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  vkDestroyInstance: { parameters: ["pointer", "pointer"], result: "void" },
  vkEnumeratePhysicalDevices: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  vkEnumerateDeviceExtensionProperties: { parameters: ["pointer", "pointer", "buffer", "buffer"], result: "i32" },
  vkGetPhysicalDeviceProperties2: { parameters: ["pointer", "buffer"], result: "void" },
} as const;

/** Numbers of `vulkan_core.h`. */
const SUCCESS = 0;
/** There is no driver at all. */
const INCOMPATIBLE_DRIVER = -9;
const STRUCTURE = {
  applicationInfo: 0,
  instanceCreateInfo: 1,
  physicalDeviceProperties2: 1_000_059_001,
  pciBusInfo: 1_000_212_000,
} as const;
const VERSION_1_1 = (1 << 22) | (1 << 12);
const TYPE_CPU = 4;

/** Bytes of its structures where a pointer has eight, and where their fields lie. */
const APPLICATION = { bytes: 48, version: 44 };
const INSTANCE = { bytes: 64, application: 24 };
/** More than any version of the structure has: nothing behind the name is read. */
const PROPERTIES = { bytes: 2048, next: 8, vendor: 24, device: 28, type: 32, name: 36, nameBytes: 256 };
const EXTENSION = { bytes: 260, nameBytes: 256 };
const PCI = { bytes: 32, domain: 16, bus: 20, device: 24, function: 28 };
const PCI_EXTENSION = "VK_EXT_pci_bus_info";

/**
 * The cards of this machine that its processes may use, numbered.
 *
 * @throws {UserError} if this is no Linux, or Vulkan is not there
 */
export function listCards(): Card[] {
  return numbered(shownCards());
}

/** The same in the order in which Vulkan shows them to this process, as its variables stand now. */
export function shownCards(): Card[] {
  if (Deno.build.os !== "linux") {
    throw new UserError(
      "Cannot use --gpu: it needs Vulkan on Linux; on this system the operating system chooses the card",
    );
  }
  let library;
  try {
    library = Deno.dlopen(LIBRARY, SYMBOLS);
  } catch {
    throw new UserError(`Cannot use --gpu: ${LIBRARY} cannot be loaded; install Vulkan's loader and the cards' driver`);
  }
  try {
    return cardsOf(library.symbols);
  } finally {
    library.close();
  }
}

type Vulkan = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

function cardsOf(vulkan: Vulkan): Card[] {
  const instance = createInstance(vulkan);
  if (instance === null) return [];
  try {
    const count = new Uint32Array(1);
    check(vulkan.vkEnumeratePhysicalDevices(instance, count, null));
    const devices = new BigUint64Array(count[0]);
    if (devices.length) check(vulkan.vkEnumeratePhysicalDevices(instance, count, devices));
    return [...devices.subarray(0, count[0])].map((device) => cardOf(vulkan, Deno.UnsafePointer.create(device)));
  } finally {
    vulkan.vkDestroyInstance(instance, null);
  }
}

/** @returns null where no driver is */
function createInstance(vulkan: Vulkan): Deno.PointerValue {
  const application = new DataView(new ArrayBuffer(APPLICATION.bytes));
  application.setUint32(0, STRUCTURE.applicationInfo, true);
  application.setUint32(APPLICATION.version, VERSION_1_1, true);
  const info = new DataView(new ArrayBuffer(INSTANCE.bytes));
  info.setUint32(0, STRUCTURE.instanceCreateInfo, true);
  info.setBigUint64(INSTANCE.application, addressOf(application), true);
  const instance = new BigUint64Array(1);
  const result = vulkan.vkCreateInstance(info, null, instance);
  if (result === INCOMPATIBLE_DRIVER) return null;
  check(result);
  return Deno.UnsafePointer.create(instance[0]);
}

function cardOf(vulkan: Vulkan, device: Deno.PointerValue): Card {
  const pci = new DataView(new ArrayBuffer(PCI.bytes)), properties = new DataView(new ArrayBuffer(PROPERTIES.bytes));
  pci.setUint32(0, STRUCTURE.pciBusInfo, true);
  properties.setUint32(0, STRUCTURE.physicalDeviceProperties2, true);
  const hasPlace = extensionsOf(vulkan, device).includes(PCI_EXTENSION);
  if (hasPlace) properties.setBigUint64(PROPERTIES.next, addressOf(pci), true);
  vulkan.vkGetPhysicalDeviceProperties2(device, properties);
  return {
    name: textAt(properties.buffer, PROPERTIES.name, PROPERTIES.nameBytes),
    vendor: properties.getUint32(PROPERTIES.vendor, true),
    device: properties.getUint32(PROPERTIES.device, true),
    ...(hasPlace ? { address: addressIn(pci) } : {}),
    software: properties.getUint32(PROPERTIES.type, true) === TYPE_CPU,
  };
}

function extensionsOf(vulkan: Vulkan, device: Deno.PointerValue): string[] {
  const count = new Uint32Array(1);
  check(vulkan.vkEnumerateDeviceExtensionProperties(device, null, count, null));
  const extensions = new ArrayBuffer(EXTENSION.bytes * count[0]);
  if (count[0]) {
    check(vulkan.vkEnumerateDeviceExtensionProperties(device, null, count, new Uint8Array(extensions)));
  }
  return Array.from({ length: count[0] }, (_, i) => textAt(extensions, i * EXTENSION.bytes, EXTENSION.nameBytes));
}

/** A text that ends before its first zero byte. */
function textAt(buffer: ArrayBuffer, at: number, bytes: number): string {
  const text = new Uint8Array(buffer, at, bytes);
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
}

function addressIn(pci: DataView): string {
  const part = (at: number, digits: number) => pci.getUint32(at, true).toString(16).padStart(digits, "0");
  return `${part(PCI.domain, 4)}:${part(PCI.bus, 2)}:${part(PCI.device, 2)}.${part(PCI.function, 1)}`;
}

function addressOf(view: DataView<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(view));
}

function check(result: number): void {
  if (result !== SUCCESS) throw new UserError(`Cannot use --gpu: Vulkan answers ${result}, must be a working driver`);
}
