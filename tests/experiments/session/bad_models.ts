/** Damaged ONNX models: met when runs are scored, or sampled from. */
import { cellOf } from "../../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../../cells/config.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { initialWeights } from "../../../train/corpus/random.ts";
import { DATA_TYPE, decodeModel, encodeModel, type ModelProto } from "../../../train/engines/onnx/proto.ts";
import { exportModel } from "../../../train/scoring/export_model.ts";
import { type BadInput, evaluate, refused, sample } from "../bad_input.ts";
import { cut, halve, makeFolderOf, type SmallStudy } from "../small_study.ts";

const FILE = "DIR/models_01_all/RUN0.onnx";
const REMAKE = "export it again with 'deno task evaluate --dir DIR --again'";

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
  `Cannot open ${FILE}: it is not an evaluation model (inputs 'bytes' or 'tokens' and states, outputs 'logits' and states)`;

/** The model of another configuration or vocabulary that says of itself what the run's own does. */
function otherModel(change: Partial<CellConfig>, vocabulary?: number) {
  return (path: string, small: SmallStudy) => {
    const { metadata_props } = decodeModel(Deno.readFileSync(path)),
      config = { ...small.runs[0].entry.config, ...change };
    const { parameters } = evaluationModel(cellOf(config), { ...config, vocabulary });
    const facts = Object.fromEntries(metadata_props.map(({ key, value }) => [key, value]));
    Deno.writeFileSync(path, exportModel(config, initialWeights(parameters, 0), facts, vocabulary));
  };
}

const input = ({ graph }: ModelProto, name: string) => graph.input.find((each) => each.name === name)!;

const FLOAT64 = 11;

/** Models that ONNX Runtime takes, or may take, and that are not the run's: refused before it sees them. */
const OTHER_FORMS:
  readonly (readonly [name: string, damage: (path: string, small: SmallStudy) => void, why: string])[] = [
    [
      "another state size",
      otherModel({ state_size: 12 }),
      "Cannot use …: its 'layers.0.h' is [rows, 12], that of run …",
    ],
    [
      "more layers",
      otherModel({ n_layers: 2 }),
      "Cannot use …: its 'layers.1.h' is [rows, 8], that of run RUN0 is none",
    ],
    [
      "a smaller vocabulary",
      otherModel({}, 100),
      "Cannot use …: its 'logits' is [rows, 100], that of run RUN0 is [rows, 256]",
    ],
    ["a larger vocabulary", otherModel({}, 300), "Cannot use …: it has no 'bytes', that of run RUN0 is what it reads"],
    [
      "another cell",
      otherModel({ use_output_gate: true }),
      "Cannot use …: its 'layers.0.output_gate_nn.…' is …, that of run RUN0 is none",
    ],
    [
      "states of float64",
      edited((model) => input(model, "layers.0.h").type.tensor_type.elem_type = FLOAT64),
      "Cannot open …: its 'layers.0.h' is float64 [rows, 8], must be float32 [rows, size]",
    ],
    [
      "logits of int64",
      edited(({ graph }) => graph.output.find(({ name }) => name === "logits")!.type.tensor_type.elem_type = 7),
      "Cannot open …: its 'logits' is int64 [rows, 256], must be float32 [rows, size]",
    ],
    [
      "states of any size",
      edited((model) => input(model, "layers.0.h").type.tensor_type.shape.dim[1] = { dim_param: "n" }),
      "Cannot open …: its 'layers.0.h' is float32 [rows, rows], must be float32 [rows, size]",
    ],
    [
      "one row",
      edited((model) => input(model, "bytes").type.tensor_type.shape.dim[0] = { dim_value: 1 }),
      "Cannot open …: its 'bytes' is int64 [1], must be int64 [rows]",
    ],
    [
      "states of three axes",
      edited((model) => input(model, "layers.0.h").type.tensor_type.shape.dim.push({ dim_value: 1 })),
      "Cannot open …: its 'layers.0.h' is float32 [rows, 8, 1], must be float32 [rows, size]",
    ],
    [
      "one more input",
      edited(({ graph }) => graph.input.push({ ...graph.input[0], name: "more" })),
      "Cannot open …: it is not an evaluation model (…)",
    ],
    [
      "a weight cut short",
      edited(({ graph }) => {
        const bias = graph.initializer.find(({ name }) => name === "output_embedding.bias")!;
        bias.raw_data = bias.raw_data.slice(4);
      }),
      "Cannot open …: its 'output_embedding.bias' has 255 elements, its shape [256] needs 256",
    ],
    [
      "a weight of another shape",
      edited(({ graph }) => graph.initializer.find(({ name }) => name === "output_embedding.bias")!.dims = [1, 256]),
      "Cannot use …: its 'output_embedding.bias' is [1, 256], that of run RUN0 is [256]",
    ],
    [
      "a weight that is infinite",
      edited(({ graph }) => {
        const bias = graph.initializer.find(({ name }) => name === "output_embedding.bias")!;
        bias.raw_data.set([0, 0, 0x80, 0x7f]);
      }),
      "Cannot open …: its 'output_embedding.bias' is Infinity at element 0, must be finite",
    ],
  ];

/** Models of the right form that fail when they run; what ONNX Runtime says of it has several lines. */
const FAILING: readonly (readonly [name: string, edit: (model: ModelProto) => void])[] = [
  ["an operator set that is none", ({ opset_import }) => opset_import[0].version = 900],
  ["a product that does not fit", ({ graph }) => {
    const product = graph.node.find(({ op_type, input }) =>
      op_type === "Gemm" && input.includes("output_embedding.weight")
    )!;
    product.attribute = product.attribute.filter(({ name }) => name !== "transB");
  }],
];

export const BAD_MODELS: readonly BadInput[] = [
  ...OTHER_FORMS.flatMap(([name, damage, why]) => model(name, damage, `${why}…; ${REMAKE}`)),
  ...FAILING.flatMap(([name, edit]) => model(name, edited(edit), `Cannot …; ${REMAKE}`)),
  ...model("empty", (path) => cut(path, 0), `${noModel}; ${REMAKE}`),
  ...model("truncated", halve, `Cannot read ${FILE}: it is damaged or not an ONNX model (…); ${REMAKE}`),
  ...model(
    "random bytes",
    (path) => Deno.writeFileSync(path, new Uint8Array(5000).map((_, i) => (i * 2654435761) >>> 13)),
    `Cannot read ${FILE}: it is damaged or not an ONNX model (…); move it away and ${REMAKE}`,
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
    says: `Cannot open ${FILE}: its '…' is NaN at element 0, must be finite; ${REMAKE}`,
  },
];
