/** The page of a data set, and its licence: what a reader needs who has nothing but its folder. */
import { unitOf } from "../../cells/unit.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import type { NgramBaselines } from "../../experiments/study/ngram_baselines.ts";
import type { StudySettings } from "../../experiments/study/schema.ts";
import { knownCorpus } from "../../train/corpus/known.ts";
import { EMBEDDED } from "../../train/corpus/corpus.ts";
import { plural } from "../../train/terminal/words.ts";
import { CELLSPACE_VERSION } from "../../train/version.ts";
import type { Table } from "../data/table.ts";
import type { Status } from "./columns.ts";
import { RESCORE_SCRIPT } from "./dataset_script.ts";
import type { ExportTables } from "./tables.ts";

/** What the page tells. */
export interface DatasetAbout {
  readonly settings: StudySettings;
  readonly experiment: Experiment;
  readonly tables: ExportTables;
  /** Configurations of the list, and its file. */
  readonly configs: number;
  readonly configsFile: string;
  readonly counts: Readonly<Record<Status, number>>;
  /** The expression by which runs were selected; absent: all. */
  readonly only?: string;
  readonly baselines?: NgramBaselines;
  readonly license: string;
  /** Models in the folder. */
  readonly models: number;
  readonly hasTest: boolean;
}

/** The page, in Markdown; its front matter is that of a data set's card on Hugging Face. */
export function readmeOf(about: DatasetAbout): string {
  return [
    frontMatter(about),
    `# ${inLine(titleOf(about))}`,
    studySection(about),
    filesSection(about),
    unitsSection(about),
    ...about.baselines ? [baselinesSection(about.baselines)] : [],
    ...tablesIn(about).map(([name, table]) => columnsSection(name, table)),
    OPEN_SECTION,
    checkSection(about),
    licenceSection(about),
  ].join("\n\n") + "\n";
}

/** What the file says that the page calls LICENSE. */
export function licenseText(license: string): string {
  return `SPDX-License-Identifier: ${license}

Full text: https://spdx.org/licenses/${license}.html

This licence covers the measurements in this folder: the tables, the lists, and the models where there are any.

It does not cover the text that the models were trained and scored on, nor what is taken from it: test.txt where it is
there, the prompts in the column sample_prompt of runs.parquet, and tokenizer.json where it is there. That text has a
licence of its own.
`;
}

function titleOf({ settings: { corpus }, experiment }: DatasetAbout): string {
  return `Recurrent cells on ${corpus.name.replace(/\s+/g, " ")}: experiment ${experiment}`;
}

/** JSON's texts are YAML's, too. */
function frontMatter(about: DatasetAbout): string {
  const configs = tablesIn(about).flatMap(([name], i) => [
    `  - config_name: ${name}`,
    `    data_files: ${name}.parquet`,
    ...i === 0 ? ["    default: true"] : [],
  ]);
  return [
    "---",
    `license: ${JSON.stringify(about.license.toLowerCase())}`,
    `pretty_name: ${JSON.stringify(titleOf(about))}`,
    "tags:",
    "  - recurrent-neural-networks",
    "  - language-modeling",
    "configs:",
    ...configs,
    "---",
  ].join("\n");
}

function tablesIn({ tables }: DatasetAbout): [name: string, table: Pick<Table<never>, "columns">][] {
  return Object.entries(tables);
}

const whole = (value: number) => value.toLocaleString("en-US");

/** Text of a study's in a line of Markdown, or in a cell of a table. */
function inLine(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\|`<>*_[\]]/g, (mark) => `\\${mark}`);
}

function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

function studySection({ settings, experiment, configs, counts, only }: DatasetAbout): string {
  const { corpus, split, seeds, training, tokens, space } = settings, unit = unitOf(settings);
  const { done, failed, running } = counts;
  const rows: [string, string][] = [
    ["configurations listed", whole(configs)],
    ["seeds of each", whole(seeds)],
    ["runs in the tables", `${whole(done)} done, ${whole(failed)} failed, ${whole(running)} running or stopped`],
    ...only === undefined ? [] : [["selected", inLine(only)] as [string, string]],
    ["steps of a run", whole(training.steps[experiment])],
    ["batch size (parallel sequences)", whole(training.batch)],
    [`sequence length before the state is reset, ${unit}s`, whole(training.history)],
    ["corpus", `${inLine(corpus.name)}, ${whole(corpus.bytes)} bytes, SHA-1 ${corpus.sha1}`],
    ["where the corpus can be had", originOf(settings)],
    [
      "training, validation, test split",
      `${whole(split.train)}, ${whole(split.validation)}, ${whole(split.test)} bytes`,
    ],
    ["models read", tokens ? `tokens ${inLine(tokens.name)} (tokenizer.json)` : "bytes"],
    ["space of configurations", space ? `${inLine(space.name)} (space.ts)` : "cellspace's own"],
    ["made with", `cellspace ${CELLSPACE_VERSION}; column cellspace_version has each run's`],
  ];
  return "Language models with recurrent cells, each trained on the same text and scored on another part of it. A " +
    "configuration is a cell with its sizes; a run is a configuration with a seed.\n\n" + tableOf(["", ""], rows);
}

function originOf({ corpus: { name, source } }: StudySettings): string {
  if (source === EMBEDDED.name) return `generated by cellspace (seed ${EMBEDDED.seed})`;
  const known = knownCorpus(source);
  return known ? `<${known.url}> (${known.licence})` : `a file, ${inLine(name)}, which its owner has`;
}

function filesSection({ tables, configs, configsFile, baselines, settings, models, hasTest }: DatasetAbout): string {
  const rows: ([string, string] | undefined)[] = [
    ["`runs.parquet`", "one row per run: configuration, scores, times"],
    ["`curves.parquet`", "one row per logged training loss"],
    tables.dynamics && ["`dynamics.parquet`", "one row per number that was measured of a model's dynamics"],
    ["`columns.csv`", "what each column means, and its type"],
    ["`study.json`", "corpus, split, seeds, training settings"],
    configs ? [`\`${configsFile}\``, "the list of configurations"] : undefined,
    baselines && ["`entropy_floors.json`", "the n-gram baselines"],
    settings.tokens && ["`tokenizer.json`", "the tokens that models read"],
    settings.space && ["`space.ts`", "the module of the space of configurations"],
    models
      ? [
        "`models/`",
        `${
          plural(models, "trained model")
        }, ONNX; a file has the run's id, behind it \`_seed1\` and so on of a further seed`,
      ]
      : undefined,
    hasTest ? ["`test.txt`", "the test split, which models are scored on"] : undefined,
    ["`LICENSE`", "what may be done with it"],
    ["`SHA256SUMS`", "checksums of all other files"],
  ];
  return "## Files\n\n" + tableOf(["file", "holds"], rows.filter((row) => row !== undefined));
}

function unitsSection({ settings }: DatasetAbout): string {
  const unit = unitOf(settings);
  const perToken = unit === "byte"
    ? "Models read bytes, so a loss is per byte, and a score is the test loss divided by ln 2."
    : "Models read tokens, so a loss is per token. A score counts all bits and divides them by all bytes, so that models of bytes and of any tokens can be compared.";
  return `## Losses and scores

- A loss (\`min loss\`, \`test_loss\`, \`smoothed_loss\`) is the mean cross-entropy in nats per ${unit}. A logged training loss is smoothed over steps.
- A score (\`test_bits_per_byte\`, \`validation_bits_per_byte\`) is in bits per byte.
- ${perToken}
- The test split is read in \`test_streams\` parallel streams with carried state; each but the first reads \`test_warm_up\` ${unit}s before its own part. The first ${unit} of the split is read, every other one is predicted once.
- A value that a run lacks is null.`;
}

function baselinesSection(baselines: NgramBaselines): string {
  const rows = baselines.map((
    { order, nats, bits, hindsight_nats },
  ) => [`${order}`, nats.toFixed(4), bits.toFixed(4), hindsight_nats.toFixed(4)]);
  return `## N-gram baselines

Levels to compare scores with: what a Kneser-Ney model with so many bytes of context reaches on the test split, counted on the training split. The last column is the entropy of the test split given these contexts, as counted in the test split itself.

${tableOf(["order (bytes of context)", "nats per byte", "bits per byte", "hindsight, nats per byte"], rows)}`;
}

function columnsSection(name: string, { columns }: Pick<Table<never>, "columns">): string {
  const rows = columns.map(({ name, type, about }) => [`\`${name}\``, type, inLine(about)]);
  return `## Columns of \`${name}.parquet\`\n\n${tableOf(["column", "type", "meaning, with its unit"], rows)}`;
}

const OPEN_SECTION = `## Open it

\`\`\`python
import pandas
runs = pandas.read_parquet("runs.parquet")
print(runs.groupby("id")["test_bits_per_byte"].mean().sort_values().head())
\`\`\`

\`\`\`sql
-- DuckDB
SELECT id, avg(test_bits_per_byte) FROM 'runs.parquet' WHERE status = 'done' GROUP BY id ORDER BY 2 LIMIT 5;
\`\`\``;

function checkSection({ models, hasTest }: DatasetAbout): string {
  const sums = "## Check it\n\n```sh\nsha256sum -c SHA256SUMS\n```";
  if (!models || !hasTest) return sums;
  return `${sums}

## Score a model again

A score follows from this folder alone: model, \`test.txt\`, and \`tokenizer.json\` where models read tokens. As \`rescore.ts\` in a checkout of cellspace ${CELLSPACE_VERSION}, called with \`deno run --allow-read --allow-ffi --allow-env=ORT_DISABLE_TELEMETRY rescore.ts FOLDER\`; behind the folder may stand the beginning of a run's id. A run that was scored on a CPU (column \`scored_on\`) gives its stored bits exactly on the same kind of machine, one that was scored on a GPU nearly so.

\`\`\`ts
${RESCORE_SCRIPT}\`\`\``;
}

function licenceSection({ license, hasTest }: DatasetAbout): string {
  const test = hasTest ? "`test.txt`, " : "";
  return `## Licence

${license} for the measurements, lists and models: see \`LICENSE\`. It does not cover the text of the corpus, nor what is taken from it (${test}the prompts in \`sample_prompt\`, tokens).`;
}
