/** How long a GPU's workgroup memory is at work for a kernel's accesses: arithmetic, since a bank conflict shows in no number and on no CPU. */

/** Lanes of a warp, banks of the memory, bytes of a bank's word. */
const LANES = 32, BANKS = 32, WORD = 4;
/** Bytes of a `vec4f`. */
export const VECTOR_BYTES = 16;

/**
 * Slots that one access of a warp takes, each lane a `vec4f` at its byte address. The memory gives 128 bytes in a slot: a phase of eight
 * lanes, or more where lanes of a phase want different words of one bank. A load takes half the phases where neighbours want the
 * same, each lane what lane `i ^ 1` wants, or each what `i ^ 2` wants (NVIDIA, compute capability 7.0 and later:
 * https://forums.developer.nvidia.com/t/unexpected-shared-memory-bank-conflict/77228).
 */
export function slotsOf(access: "load" | "store", addresses: readonly number[]): number {
  if (addresses.length !== LANES) {
    throw new RangeError(`Cannot count slots: ${addresses.length} addresses, must be ${LANES}`);
  }
  const isPaired = [1, 2].some((pair) => addresses.every((address, lane) => address === addresses[lane ^ pair]));
  const lanes = access === "load" && isPaired ? 16 : 8;
  let slots = 0;
  for (let first = 0; first < LANES; first += lanes) {
    const words = new Set(
      addresses.slice(first, first + lanes).flatMap((address) => [0, 1, 2, 3].map((i) => address / WORD + i)),
    );
    const ofBank = new Array(BANKS).fill(0);
    for (const word of words) ofBank[word % BANKS]++;
    slots += Math.max(...ofBank);
  }
  return slots;
}

type Value = number | boolean;

/** A WGSL expression of integers and booleans, worked out. */
function evaluate(expression: string, values: ReadonlyMap<string, Value>): number {
  const select = (no: Value, yes: Value, condition: Value) => condition ? yes : no;
  // The quotient of two whole numbers is whole: each that stands here is one of a name and a number.
  const script = expression.replace(/(\d+)u\b/g, "$1").replace(/\w+ \/ \d+/g, "Math.floor($&)");
  return new Function("select", ...values.keys(), `return ${script};`)(select, ...values.values());
}

/** What a product's kernel does with workgroup memory for a part of its sum, read from its source. */
export interface TileAccesses {
  readonly loads: readonly number[];
  readonly stores: readonly number[];
}

/** Names that say what an invocation loads and multiplies, in the order of their definition. */
const NAMES = ["tx", "ty", "loads_b", "loader", "along", "quad", "step_quad", "part", "swizzled"];

/** Slots of each access of a warp to `tiles` while a part of the sum is stored and multiplied. */
export function tileAccesses(
  { declarations, body }: { declarations: string; body: string },
  mode: number,
  warp: number,
): TileAccesses {
  const [, type] = declarations.match(/var<workgroup> tiles: (.+);/)!;
  // The innermost first: elements of each array, and with them the vectors from one element of the outer to the next.
  const sizes = [...type.matchAll(/, (\d+)>/g)].map(([, size]) => Number(size));
  const strides = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a * b, 1));
  const definitions = NAMES.map((name) => [name, body.match(new RegExp(`let ${name} =\\s*([^;]+);`))![1]]);
  const addresses = (indices: string) =>
    Array.from({ length: LANES }, (_, lane) => {
      const values = new Map<string, Value>([["local", LANES * warp + lane], ["mode", mode], ["buffer", 0]]);
      for (const [name, definition] of definitions) values.set(name, evaluate(definition, values));
      const vectors = [...indices.matchAll(/\[([^\]]+)\]/g)].map(([, index]) => evaluate(index, values)).reverse()
        .map((index, i) => index * strides[i]);
      return VECTOR_BYTES * vectors.reduce((a, b) => a + b, 0);
    });
  const found = (pattern: RegExp, access: "load" | "store") =>
    [...body.matchAll(pattern)].map(([, indices]) => slotsOf(access, addresses(indices)));
  return {
    loads: found(/= tiles((?:\[[^\]]+\])+);/g, "load"),
    stores: found(/tiles((?:\[[^\]]+\])+) = /g, "store"),
  };
}
