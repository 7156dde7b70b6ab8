/** Damaged checkpoints: met when runs are to be trained longer, or their models to be made again. */
import { type Action, type BadInput, evaluateAgain, train, trainLonger } from "../bad_input.ts";
import { cut, editJson, flipBit, halve, makeFolderOf, placeAfter, reseal, type SmallStudy } from "../small_study.ts";

const FILE = "DIR/checkpoints_01_all/RUN0.safetensors";

function checkpoint(
  name: string,
  damage: (path: string, small: SmallStudy) => void,
  why: string,
  action: Action = trainLonger,
): BadInput {
  return {
    name,
    damage: (small) => damage(small.checkpoint(0), small),
    action,
    says: action === evaluateAgain
      ? `${why}; move it away to keep the present model`
      : `train: ${why}; move it and the run's result away to train the run from its beginning; run RUN0 is skipped`,
  };
}

const resealed = (edit: Parameters<typeof reseal>[1]) => (path: string) => reseal(path, edit);

// deno-lint-ignore no-explicit-any -- what is edited is wrong on purpose
const training = (edit: (training: any) => unknown) =>
  resealed((metadata) => {
    const value = JSON.parse(metadata.training);
    edit(value);
    metadata.training = JSON.stringify(value);
  });

/** Writes a header and nothing behind it. */
function writeHeader(path: string, text: string): void {
  const header = new TextEncoder().encode(text), bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  Deno.writeFileSync(path, bytes);
}

const damaged = `Cannot read ${FILE}: its checksum does not match its content: it was damaged or edited`;
const weight = "output_embedding.weight";

export const BAD_CHECKPOINTS: readonly BadInput[] = [
  checkpoint(
    "empty",
    (path) => cut(path, 0),
    `Cannot read ${FILE}: it has 0 bytes, a safetensors file has at least 8`,
  ),
  checkpoint(
    "7 bytes",
    (path) => cut(path, 7),
    `Cannot read ${FILE}: it has 7 bytes, a safetensors file has at least 8`,
  ),
  checkpoint(
    "header that ends beyond the file",
    (path) => cut(path, 200),
    `Cannot read ${FILE}: its header ends at byte …, the file at 200`,
  ),
  checkpoint(
    "header of 2^63 bytes",
    (path) => Deno.writeFileSync(path, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128)),
    `Cannot read ${FILE}: its header ends at byte …, the file at 8`,
  ),
  checkpoint("header that is no JSON", (path) => flipBit(path, 8), `Cannot read ${FILE}: its header is not JSON`),
  checkpoint(
    "header of another form",
    (path) => writeHeader(path, '{"weight": {"dtype": "F32", "shape": 8}}'),
    `Cannot read the header of ${FILE}: 'weight.shape': expected array, received number; ` +
      "'weight.data_offsets': expected tuple, received undefined",
  ),
  checkpoint(
    "numbers of another kind",
    (path) => writeHeader(path, '{"input_embedding.bias": {"dtype": "I32", "shape": [0], "data_offsets": [0, 0]}}'),
    `Cannot read ${FILE}: 'input_embedding.bias' is I32, must be one of F32, F16, BF16, F64`,
    evaluateAgain,
  ),
  checkpoint("data cut off", halve, `Cannot read ${FILE}: tensor '…' ends at byte …, the file at …`),
  checkpoint(
    "data cut off, at evaluate --again",
    halve,
    `Cannot read ${FILE}: tensor '…' ends at byte …, the file at …`,
    evaluateAgain,
  ),
  checkpoint(
    "bytes behind its data",
    (path) => Deno.writeFileSync(path, new Uint8Array(4), { append: true }),
    `Cannot read ${FILE}: its tensors end at byte …, the file at …`,
  ),
  checkpoint("flipped bit in the data", (path) => flipBit(path, -1000), damaged),
  checkpoint("flipped bit in the data, at evaluate --again", (path) => flipBit(path, -1000), damaged, evaluateAgain),
  checkpoint("curve edited", (path) => flipBit(path, placeAfter(path, '\\"curve\\":[')), damaged),
  checkpoint("name of its training state changed", (path) => flipBit(path, placeAfter(path, '"trai')), damaged),
  checkpoint("name of its checksum changed", (path) => flipBit(path, placeAfter(path, '"sha')), damaged),
  checkpoint(
    "checksum and little else",
    (path) => writeHeader(path, '{"__metadata__":{"sha256":"0"}}'),
    damaged,
  ),
  checkpoint(
    "of another configuration",
    (path, small) => Deno.copyFileSync(small.checkpoint(1), path),
    `Cannot use ${FILE}: its configuration is RUN1, must be RUN0`,
  ),
  checkpoint(
    "of another configuration, at evaluate --again",
    (path, small) => Deno.copyFileSync(small.checkpoint(1), path),
    `Cannot use ${FILE}: its configuration is RUN1, must be RUN0`,
    evaluateAgain,
  ),
  checkpoint(
    "of another seed",
    resealed((metadata) => metadata.seed = "1"),
    `Cannot use ${FILE}: its seed is 1, must be 0`,
  ),
  checkpoint(
    "of another seed, at evaluate --again",
    resealed((metadata) => metadata.seed = "1"),
    `Cannot use ${FILE}: its seed is 1, must be 0`,
    evaluateAgain,
  ),
  checkpoint(
    "of another corpus",
    resealed((metadata) => metadata.corpus_sha1 = "0".repeat(40)),
    `Cannot use ${FILE}: its corpus_sha1 is ${"0".repeat(40)}, must be …`,
  ),
  checkpoint(
    "of another batch",
    resealed((metadata) => metadata.batch = "16"),
    `Cannot use ${FILE}: its batch is 16, must be 8`,
  ),
  checkpoint(
    "of another history",
    resealed((metadata) => metadata.history = "26"),
    `Cannot use ${FILE}: its history is 26, must be 51`,
  ),
  checkpoint(
    "weights alone",
    resealed((metadata) => {
      delete metadata.training;
      delete metadata.sha256;
    }),
    `Cannot resume from ${FILE}: it holds only weights, no moments, states or curve`,
  ),
  checkpoint(
    "a tensor is missing",
    resealed((_, tensors) => tensors.delete(weight)),
    `Cannot read ${FILE}: '${weight}' is missing`,
  ),
  checkpoint(
    "a tensor has another shape",
    resealed((_, tensors) => tensors.set(weight, { ...tensors.get(weight)!, shape: [8, 256] })),
    `Cannot read ${FILE}: '${weight}' is [8,256], must be [256,8]`,
  ),
  checkpoint(
    "a weight is missing, at evaluate --again",
    resealed((_, tensors) => tensors.delete(weight)),
    `Cannot read ${FILE}: '${weight}' is missing`,
    evaluateAgain,
  ),
  ...["NaN", "Infinity"].flatMap((value) =>
    [trainLonger, evaluateAgain].map((action) =>
      checkpoint(
        `a weight is ${value}${action === evaluateAgain ? ", at evaluate --again" : ""}`,
        resealed((_, tensors) => tensors.get(weight)!.values[7] = Number(value)),
        `Cannot read ${FILE}: '${weight}' is ${value} at element 7, must be finite`,
        action,
      )
    )
  ),
  checkpoint(
    "a moment is NaN",
    resealed((_, tensors) => tensors.get(`exp_avg.${weight}`)!.values[0] = NaN),
    `Cannot read ${FILE}: 'exp_avg.${weight}' is NaN at element 0, must be finite`,
  ),
  checkpoint(
    "weights that are too large to compute with, at evaluate --again",
    resealed((_, tensors) => tensors.forEach(({ values }) => values.fill(1e30))),
    `Cannot score ${FILE}: …, must be finite`,
    evaluateAgain,
  ),
  checkpoint(
    "training state that is no JSON",
    resealed((metadata) => metadata.training = "{"),
    `Cannot read ${FILE}: 'training' of its metadata is not JSON`,
  ),
  checkpoint(
    "a NaN in its curve",
    training((state) => state.curve[0] = NaN),
    `Cannot read ${FILE}: 'curve.0': expected number, received null`,
  ),
  checkpoint(
    "its place in the pass is not that of its step",
    training((state) => state.position = 7),
    `Cannot read ${FILE}: step 100 is not position 7 of sequence 2 of 51 bytes`,
  ),
  checkpoint(
    "behind its result",
    training((state) => Object.assign(state, { steps_done: 50, pass: 1 })),
    `Cannot resume from ${FILE}: it is at step 50, the run's result at step 100`,
  ),
  checkpoint(
    "another run's curve",
    training((state) => state.curve[0] += 0.1),
    `Cannot resume from ${FILE}: its curve differs from that of the run's result`,
  ),
  checkpoint("a folder", makeFolderOf, `Cannot read ${FILE}: it is a folder, must be a file`),
  {
    name: "deleted, when its run is to go on",
    damage: (small) => Deno.removeSync(small.checkpoint(0)),
    action: trainLonger,
    says: `train: Cannot resume from ${FILE}: it does not exist, the run's result is at step 100; put it back, ` +
      "or move the result away to train the run from scratch; run RUN0 is skipped",
  },
  {
    name: "damaged, of a run that was left unfinished",
    damage(small) {
      editJson(small.result(0), (result) => {
        for (const key of ["loss", "min loss", "end time", "steps_done", "train_seconds"]) delete result[key];
        for (const key of Object.keys(result)) if (key.startsWith("test_")) delete result[key];
      });
      flipBit(small.checkpoint(0), -1000);
    },
    action: train,
    says: `train: ${damaged}; move it away to train the run from its beginning; run RUN0 is skipped`,
  },
];
