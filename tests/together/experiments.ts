import { importTests } from "./import_tests.ts";

await importTests("tests/experiments/queue", "tests/experiments/session", "tests/experiments/study");
