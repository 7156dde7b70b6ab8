/** Damaged ONNX models: met when runs are scored, or sampled from. */
import { DATA_TYPE, decodeModel, encodeModel, type ModelProto } from "../../train/engines/onnx/proto.ts";
import { type BadInput, evaluate, refused, sample } from "./bad_input.ts";
import { cut, halve, makeFolderOf, type SmallStudy } from "./small_study.ts";

const FILE = "DIR/models_01_all/RUN0.onnx";
const REMAKE = "make it again with 'deno task evaluate --dir DIR --again'";

/** The same for both: `evaluate` goes on with the next. */
function model(name: string, damage: (path: string, small: SmallStudy) => void, says: string): BadInput[] {
  const row = { damage: (small: SmallStudy) => damage(small.model(0), small), says };
  return [
    { ...row, name: `${name}, at evaluate`, action: evaluate },
    { ...row, name: `${name}, at sample`, action: refused(sample()) },
  ];
}

const edited = (edit: (model: ModelProto) => void) => (path: string) => {
  const model = decodeModel(Deno.readFileSync(path));
  edit(model);
  Deno.writeFileSync(path, encodeModel(model));
};

const fact = (key: string, value: string) =>
  edited(({ metadata_props }) => metadata_props.find((fact) => fact.key === key)!.value = value);

const noModel =
  `Cannot open ${FILE}: it is no evaluation model (inputs 'bytes' or 'tokens' and states, outputs 'logits' and states)`;

export const BAD_MODELS: readonly BadInput[] = [
  ...model("empty", (path) => cut(path, 0), `${noModel}; ${REMAKE}`),
  ...model("truncated", halve, `Cannot read ${FILE}: it is damaged or no ONNX model (…); ${REMAKE}`),
  ...model(
    "random bytes",
    (path) => Deno.writeFileSync(path, new Uint8Array(5000).map((_, i) => (i * 2654435761) >>> 13)),
    `Cannot read ${FILE}: it is damaged or no ONNX model (…); ${REMAKE}`,
  ),
  ...model(
    "of another configuration",
    (path, small) => Deno.copyFileSync(small.model(1), path),
    `Cannot use ${FILE}: its 'id' is RUN1, that of run RUN0 is RUN0; ${REMAKE}`,
  ),
  ...model(
    "of another number of steps",
    fact("steps", "150"),
    `Cannot use ${FILE}: its 'steps' is 150, that of run RUN0 is 100; ${REMAKE}, or let 'deno task train --dir DIR' finish the run`,
  ),
  ...model(
    "of another seed",
    fact("seed", "1"),
    `Cannot use ${FILE}: its 'seed' is 1, that of run RUN0 is 0; ${REMAKE}`,
  ),
  ...model(
    "of something else",
    edited(({ graph }) => graph.output.forEach((output) => output.name = `other_${output.name}`)),
    `${noModel}; ${REMAKE}`,
  ),
  ...model("missing", (path) => Deno.removeSync(path), `Cannot read ${FILE}: it does not exist; ${REMAKE}`),
  ...model(
    "a folder",
    makeFolderOf,
    `Cannot read ${FILE}: it is a folder, must be a file; move it away and ${REMAKE}`,
  ),
  {
    name: "an unknown operation, at sample",
    damage: (small) => edited(({ graph }) => graph.node[0].op_type = "Nothing")(small.model(0)),
    action: refused(sample()),
    says: `Cannot open ${FILE}: it is damaged (…); ${REMAKE}`,
  },
  {
    name: "an unknown operation, at evaluate",
    damage: (small) => edited(({ graph }) => graph.node[0].op_type = "Nothing")(small.model(0)),
    action: evaluate,
    says: `Cannot score ${FILE}: Cannot open the model: it is damaged (…); ${REMAKE}`,
  },
  {
    name: "weights that are no numbers",
    damage: (small) =>
      edited(({ graph }) => {
        for (const { data_type, raw_data } of graph.initializer) if (data_type === DATA_TYPE.FLOAT) raw_data.fill(255);
      })(small.model(0)),
    action: evaluate,
    says: `Cannot score ${FILE}: its loss on the test split is NaN; ${REMAKE}`,
  },
];
