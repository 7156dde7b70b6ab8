/** Makes a process's first ONNX session, and prints what the smallest number is then, in units of itself: 0 where the thread drops it. */
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import { evaluationModel } from "../../../../cells/language_model.ts";
import { initialWeights } from "../../../../train/corpus/random.ts";
import { exportCell } from "../../../../train/scoring/export_model.ts";
import { LoadedModel } from "../../../../train/scoring/model.ts";

const sizes = { n_layers: 1, state_size: 4 };
const weights = initialWeights(evaluationModel(vanillaCell, sizes).parameters, 0);
const model = await LoadedModel.open(exportCell(vanillaCell, sizes, weights));
const [smallest, two] = new Float64Array([Number.MIN_VALUE, 2]);
console.log((smallest * two) / two / Number.MIN_VALUE);
await model.close();
