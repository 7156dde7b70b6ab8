/** Factors as a person gives them for a space: what goes without saying is filled in. */
import * as z from "zod";
import type { ChoiceFactor, Factor, IntegerFactor, NumberFactor, SwitchFactor } from "./factor.ts";
import { ORIGINAL_KEYS } from "./factors.ts";

/** A factor of a space. A switch needs no levels, and is off by default; other factors have their first level as their default. */
export type SpaceFactor =
  | Omit<SwitchFactor, "levels"> & { readonly levels?: SwitchFactor["levels"] }
  | Omit<ChoiceFactor, "namesCell">
  | IntegerFactor
  | NumberFactor;

/** Schema of what stands in tables, pictures and single lines of a terminal. */
export const textSchema: z.ZodString = z.string().min(1, "no text").regex(
  /^\P{Cc}*$/u,
  "Invalid input: expected one line without control characters",
);

const text = textSchema;
const common = {
  key: text,
  label: text,
  about: text,
  heading: text.optional(),
  plural: text.optional(),
  flag: z.strictObject({ name: text, help: text, note: text.optional() }).optional(),
  ofCell: z.literal(true).optional(),
};
const choice = z.strictObject({ value: text, phrase: text.optional(), clause: text.optional() });
const pair = <T extends z.ZodType>(value: T) => z.tuple([value, value]).optional();
const quantity = { ...common, levels: z.array(z.number()), default: z.number().optional(), contrast: pair(z.number()) };

/** Schema of a factor as a space gives it: what is not said follows, see {@linkcode completed}. */
export const spaceFactorSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    ...common,
    kind: z.literal("switch"),
    levels: z.array(z.boolean()).optional(),
    default: z.boolean().optional(),
    on: text,
    off: text,
  }),
  z.strictObject({
    ...common,
    kind: z.literal("choice"),
    levels: z.array(text),
    default: text.optional(),
    choices: z.array(choice).optional(),
    contrast: pair(text),
  }),
  z.strictObject({
    ...quantity,
    kind: z.literal("integer"),
    least: z.number().int(),
    most: z.number().int(),
    unit: z.tuple([text, text]).optional(),
    mark: z.enum(["colour", "shape"]).optional(),
  }),
  z.strictObject({
    ...quantity,
    kind: z.literal("number"),
    above: z.number(),
    most: z.number(),
  }),
]);

/** What is wrong with the first factor that the schema refuses, in a line. It names the factor, which a person counts from its key. */
export function describeFactorError(error: z.ZodError, factors: readonly SpaceFactor[]): string {
  const [issue] = error.issues, [at, ...where] = issue.path, factor = factors[Number(at)], field = where.join(".");
  const named = typeof factor?.key === "string" ? `factor '${factor.key}'` : `factor ${Number(at) + 1}`;
  const { options } = spaceFactorSchema, option = options.find(({ shape }) => shape.kind.value === factor?.kind);
  if (factor && !option) {
    return `${named}: its 'kind' must be ${options.map(({ shape }) => shape.kind.value).join(", ")}`;
  }
  const what = field ? `its '${field}'` : "it";
  if (issue.code === "unrecognized_keys" && option) {
    const known = field ? "" : `, must have no other than ${Object.keys(option.shape).join(", ")}`;
    return `${named}: ${what} has the unknown field '${issue.keys[0]}'${known}`;
  }
  const wrong = /^Invalid input: expected (\w+), received (\w+)$/.exec(issue.message);
  if (wrong?.[2] === "undefined") return `${named}: ${what} is missing, must be of type ${wrong[1]}`;
  if (wrong) return `${named}: ${what} is of type ${wrong[2]}, must be of type ${wrong[1]}`;
  return `${named}: ${what} has ${issue.message.replace(/^Invalid /, "an invalid ")}`;
}

/** A factor with what goes without saying. */
export function completed(factor: SpaceFactor): Factor {
  // The original nine always stand in a configuration.
  const isOriginal = ORIGINAL_KEYS.includes(factor.key);
  if (factor.kind === "switch") {
    return { levels: [false, true], ...isOriginal ? {} : { default: false }, ...factor };
  }
  const { levels } = factor, isOrdered = factor.kind !== "choice";
  // From one end to the other of what has an order; of more than two names none is the opposite of another.
  const hasContrast = levels.length === 2 || isOrdered && levels.length > 2;
  const contrast = hasContrast ? { contrast: [levels[0], levels.at(-1)] as unknown as readonly [never, never] } : {};
  const ofCell = isOriginal ? {} : { ofCell: true as const, default: levels[0] as never };
  return { ...contrast, ...flagOf(factor), ...ofCell, ...factor } as Factor;
}

/** The flag of `init` that takes a factor's levels: its key, with dashes. */
function flagOf({ key, label, flag }: SpaceFactor): Pick<Factor, "flag"> {
  return { flag: flag ?? { name: `--${`${key}`.replaceAll("_", "-")}`, help: `levels of ${label} to list` } };
}
