import { importTests } from "./import_tests.ts";

await importTests(
  "tests/train/corpus",
  "tests/train/dynamics",
  "tests/train/process",
  "tests/train/scoring",
  "tests/train/terminal",
  "tests/train/training",
);
