/** The script by which a reader of a data set scores a model of it again. */

/** A module for a checkout of cellspace. Its arguments: the data set's folder, and the beginning of a run's id, where not any run is meant. */
export const RESCORE_SCRIPT = `import { parquetReadObjects } from "hyparquet";
import { decodeTokenizer, evaluateModel } from "./mod.ts";
import { print } from "./train/terminal/output.ts";

const [folder, id = ""] = Deno.args;
const rows = await parquetReadObjects({ file: (await Deno.readFile(folder + "/runs.parquet")).buffer });
// A score of a part of the split needs that part.
const run = rows.find((run) =>
  run.id.startsWith(id) && run.test_bits_per_byte !== null && run.test_bytes_asked === null
);
if (!run) throw new Error("no scored run has an id that begins with '" + id + "'");
const name = run.id + (run.seed ? "_seed" + run.seed : "");
const model = await Deno.readFile(folder + "/models/" + name + ".onnx");
const bytes = await Deno.readFile(folder + "/test.txt");
const path = folder + "/tokenizer.json";
const tokenizer = run.tokenizer_sha1 === null ? undefined : decodeTokenizer(await Deno.readTextFile(path), path);
const text = tokenizer ? tokenizer.encode(bytes) : bytes;
const cut = { streams: Number(run.test_streams), warm_up: Number(run.test_warm_up) };
const { bits_per_byte } = await evaluateModel(model, text, 1, cut, { tokenizer });
print(name + ": stored " + run.test_bits_per_byte + " again " + bits_per_byte);
`;
